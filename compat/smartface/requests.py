"""What clients send: the bodies of requests, checked.

Names are found whatever their case and unknown ones are passed over, as ASP.NET does.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from compat.smartface.errors import Invalid
from compat.smartface.scores import DEFAULT_THRESHOLD

_INT32 = 2**31 - 1
LONGEST_KEY = 256  # characters of the id of a member or watchlist: an index holds no more than some 2,700 bytes
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}){1,2}")

Model = TypeVar("Model", bound="Body")


def _whole(raw: Any) -> Any:
    """A number such as 40.0 is an integer in JSON."""
    return int(raw) if isinstance(raw, float) and raw.is_integer() else raw


def _truth(raw: Any) -> Any:
    """Booleans also as text: a client of the maker's sends them so."""
    return raw.lower() == "true" if isinstance(raw, str) and raw.lower() in {"true", "false"} else raw


def _given(raw: Any) -> Any:
    if raw is None:
        raise ValueError("must not be null: leave it out")
    return raw


def _storable(raw: str) -> str:
    if "\0" in raw:
        raise ValueError("must not contain a zero character")
    return raw


def _coloured(raw: str) -> str:
    if raw and not _COLOUR.fullmatch(raw):
        raise ValueError("must be hexadecimal, such as #012abc or #01a")
    return raw


Integer = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=-_INT32 - 1, le=_INT32)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Truth = Annotated[bool, BeforeValidator(_truth), Field(strict=True)]
Text = Annotated[str, Field(strict=True), AfterValidator(_storable)]
Name = Annotated[Text, Field(max_length=200)]
Key = Annotated[Text, Field(min_length=1, max_length=LONGEST_KEY)]
Threshold = Annotated[Integer, Field(ge=0, le=100)]
Own = Annotated[Integer | None, BeforeValidator(_given)]  # None where it is left out: each watchlist's own
Colour = Annotated[Text, AfterValidator(_coloured)]


class Body(BaseModel):
    """An object of the interface."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        names = _names(cls)
        found = {names.get(key.lower(), key): value for key, value in raw.items()}
        return found | {key: value for key, value in raw.items() if names.get(key.lower()) == key}


@cache
def _names(model: type[Body]) -> Mapping[str, str]:
    """The names on the wire by themselves in lower case."""
    return {field.alias.lower(): field.alias for field in model.model_fields.values() if field.alias}


class Label(Body):
    key: Annotated[Text, Field(max_length=128)] | None = None
    value: Annotated[Text, Field(max_length=256)] | None = None


class Privacy(Body):
    save_registration_images: Truth
    save_matched_images: Truth
    include_matched_image_in_events: Truth


_PRIVACY = Privacy.model_construct(
    save_registration_images=True, save_matched_images=True, include_matched_image_in_events=True
)


class WatchlistCreate(Body):
    display_name: Name
    full_name: Name
    threshold: Threshold = DEFAULT_THRESHOLD
    palm_threshold: Threshold | None = None
    preview_color: Colour | None = None


class WatchlistUpsert(WatchlistCreate):
    id: Key


class MemberCreate(Body):
    display_name: Name | None = None
    full_name: Name | None = None
    note: Text | None = None
    labels: list[Label] | None = None
    privacy: Privacy = _PRIVACY


class MemberUpsert(MemberCreate):
    id: Key


class Links(Body):
    watchlist_id: Key
    watchlist_members_ids: Annotated[list[Text], Field(min_length=1)]


class Detection(Body):
    """``faceDetectorConfig``; faces have the size of the longer of two distances, see ``sights.size``."""

    min_face_size: Integer = 35  # pixels
    max_face_size: Integer = 600  # pixels
    max_faces: Integer = 20
    confidence_threshold: Integer = 450  # 0..10000


class PalmDetection(Body):
    """``palmDetectorConfig``: as all that follows a comment of "no effect", checked, as there are no palms here."""

    min_palm_size: Integer = 200
    max_palm_size: Integer = 1200
    max_palms: Integer = 1
    confidence_threshold: Integer = 5000


class Image(Body):
    data: Text  # base64


class RegistrationImage(Body):
    data: Text = ""
    face_id: UUID | None = None
    face_selector: Text | None = "singleFaceOnly"
    modality: Text | None = "Face"
    palm_side: Text | None = None  # no effect
    palm_id: UUID | None = None  # no effect


class Register(Body):
    id: Annotated[Text, Field(max_length=LONGEST_KEY)] | None = None
    images: Annotated[list[RegistrationImage], Field(min_length=1)]
    watchlist_ids: Annotated[list[Text], Field(min_length=1)]
    face_detector_config: Detection = Detection()
    face_validation_mode: Text | None = "predefined"  # no effect: the gates of the watchlists always hold
    display_name: Text | None = None
    full_name: Text | None = None
    note: Text | None = None
    labels: list[Label] | None = None
    privacy: Privacy = _PRIVACY
    face_detector_resource_id: Text | None = "cpu"  # no effect
    template_generator_resource_id: Text | None = "cpu"  # no effect
    keep_auto_learn_photos: Truth = False  # no effect
    palm_validation_mode: Text | None = "predefined"  # no effect
    palm_detector_resource_id: Text | None = "cpu"  # no effect
    palm_detector_config: PalmDetection = PalmDetection()  # no effect


class AddNewFace(Body):
    image_data: RegistrationImage
    face_detector_config: Detection = Detection()
    face_validation_mode: Text | None = "predefined"  # no effect: the gates of the watchlists always hold
    face_detector_resource_id: Text = "cpu"  # no effect
    template_generator_resource_id: Text = "cpu"  # no effect


class FaceLink(Body):
    face_id: UUID
    face_validation_mode: Text = "predefined"  # no effect: the face passed the gates where it was enrolled


class MaskRequest(Body):
    face_mask_threshold: Number


class Features(Body):
    """``faceFeaturesConfig``: what is to be told of a face."""

    age: Truth = True
    gender: Truth = True
    face_mask: Truth = True
    nose_tip: Truth = True
    yaw_angle: Truth = True
    pitch_angle: Truth = True
    roll_angle: Truth = True
    sharpness: Truth = True
    brightness: Truth = True
    tinted_glasses: Truth = True
    heavy_frame: Truth = True
    glass_status: Truth = True


class SpoofConfig(Body):
    distant_liveness_score_threshold: Number = 90
    nearby_liveness_score_threshold: Number = 90
    distant_liveness_conditions: Text | None = "default"
    nearby_liveness_conditions: Text | None = "default"
    keep_evaluating_conditions_after_first_fail: Truth = False  # no effect


class SearchByTemplate(Body):
    template: Text  # base64
    watchlist_ids: list[Text] | None = None
    threshold: Own = None
    max_result_count: Annotated[Integer, Field(ge=1)] = 1


class Search(Body):
    image: Image
    watchlist_ids: list[Text] | None = None
    threshold: Own = None
    max_result_count: Annotated[Integer, Field(ge=1)] = 1
    face_detector_config: Detection = Detection()
    face_mask_confidence_request: MaskRequest = MaskRequest.model_construct(face_mask_threshold=3000)
    face_features_config: Features = Features()
    spoof_detector_resource_ids: list[Text] = ["none"]
    spoof_check_config: SpoofConfig = SpoofConfig()
    face_validation_mode: Text | None = "none"
    face_detector_resource_id: Text = "cpu"  # no effect
    template_generator_resource_id: Text = "cpu"  # no effect


class Probe(Body):
    image: Image
    face_detector_config: Detection = Detection()
    face_detector_resource_id: Text = "cpu"  # no effect
    template_generator_resource_id: Text = "cpu"  # no effect


class Verify(Body):
    probe_image: Probe
    reference_image: Probe


class SpoofCheck(Body):
    image: Image
    face_detector_config: Detection = Detection()
    spoof_detector_resource_ids: list[Text] = ["liveness_distant_cpu_remote"]
    spoof_check_config: SpoofConfig = SpoofConfig()
    face_detector_resource_id: Text = "cpu"  # no effect


def checked(model: type[Model], raw: Any) -> Model:
    """The object that a decoded body stands for; raises ``Invalid`` with all that is wrong, by field."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        found: dict[str, list[str]] = {}
        for each in error.errors(include_input=False, include_url=False, include_context=False):
            found.setdefault(".".join(map(str, each["loc"])), []).append(each["msg"])
        raise Invalid(found) from None
