"""The JSON Schemas of the wire documents, as the ``components/schemas`` of the OpenAPI document."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.attributes import EMOTION_NAMES, KEYPOINT_NAMES, QUALITY, QUALITY_NAMES, Attributes, Gender
from schemas.common import is_flag
from schemas.dialect import Frame
from schemas.fields import Json
from schemas.template import SIZE
from schemas.v1 import V1

# What each quality value says, with its range in v2; v1 has the scores a hundredfold.
_SCORE = (0.0, 1.0)
_QUALITY: Mapping[str, tuple[str, tuple[float, float] | None]] = {
    "total_score": ("All of the quality in one score.", _SCORE),
    "is_sharp": ("Sharp enough.", None),
    "sharpness_score": ("1 is sharp, 0 is blurred.", _SCORE),
    "is_evenly_illuminated": ("Lit evenly enough.", None),
    "illumination_score": ("1 is evenly lit, 0 is lit from one side.", _SCORE),
    "no_flare": ("Free of flare and specular spots.", None),
    "is_left_eye_opened": ("The eye on the left of the image is open.", None),
    "left_eye_openness_score": ("1 is open, 0 is closed.", _SCORE),
    "is_right_eye_opened": ("The eye on the right of the image is open.", None),
    "right_eye_openness_score": ("1 is open, 0 is closed.", _SCORE),
    "is_rotation_acceptable": ("The head is turned little enough.", None),
    "max_rotation_deviation": ("The largest of the head's angles, in degrees, with its sign.", None),
    "not_masked": ("No mask or other cover on the face.", None),
    "not_masked_score": ("1 is a bare face, 0 a covered one.", _SCORE),
    "is_neutral_emotion": ("The expression is neutral enough.", None),
    "neutral_emotion_score": ("1 is a neutral expression.", _SCORE),
    "is_eyes_distance_acceptable": ("The face is large enough.", None),
    "eyes_distance": ("Distance between the eyes, in pixels.", None),
    "is_margins_acceptable": ("There is enough space around the face.", None),
    "margin_outer_deviation": ("How far the face reaches beyond the image, in pixels.", None),
    "margin_inner_deviation": ("How much space is lacking around the face, in pixels.", None),
    "is_not_noisy": ("Free enough of noise.", None),
    "noise_score": ("1 is free of noise.", _SCORE),
    "watermark_score": ("1 is a watermark over the face, 0 is none.", _SCORE),
    "has_watermark": ("There is a watermark over the face.", None),
    "dynamic_range_score": ("The range of the face's grey levels, in hundreds: 2.55 at most.", (0.0, 2.55)),
    "is_dynamic_range_acceptable": ("The range of grey levels is wide enough.", None),
    "background_uniformity_score": ("1 is a plain background.", _SCORE),
    "is_background_uniform": ("The background is plain enough.", None),
}


def ref(name: str) -> Json:
    """A reference to a schema by name."""
    return {"$ref": f"#/components/schemas/{name}"}


def text(description: str, **members: Any) -> Json:
    return {"type": "string", "description": description, **members}


def record(description: str, properties: Json, required: Sequence[str] = (), **members: Any) -> Json:
    """An object; members that it does not name may be there too, unless ``members`` says otherwise."""
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "description": description, "properties": properties, **needed, **members}


def sequence(description: str, items: Json, count: int | None = None, **members: Any) -> Json:
    """A list, of exactly ``count`` items where that is given."""
    length = {} if count is None else {"minItems": count, "maxItems": count}
    return {"type": "array", "description": description, "items": items, **length, **members}


def within(low: float, high: float, description: str) -> Json:
    return {"type": "number", "minimum": low, "maximum": high, "description": description}


def _number(description: str) -> Json:
    return {"type": "number", "description": description}


def _blob(description: str) -> Json:
    return text(f"{description} Base64 in JSON, bin in msgpack.", contentEncoding="base64")


def _scored(description: str, value: Json, confidence: str) -> Json:
    return record(description, {"confidence": within(0, 1, confidence), "value": value}, ("confidence", "value"))


def _measure(name: str, factor: int) -> Json:
    description, limits = _QUALITY[name]
    if is_flag(name):
        return {"type": "boolean", "description": description}
    if limits is None:
        return _number(description)
    if factor != 1:
        description = f"{description} Times {factor} in this version."
    return within(limits[0], limits[1] * factor, description)


def _quality_v1() -> Json:
    """The names of v1 are taken from its dialect, which writes the values in the order of ``QUALITY_NAMES``."""
    values = {name: is_flag(name) or 1.0 for name in QUALITY_NAMES}
    written = V1.write({}, Attributes({QUALITY: values}), Frame(1, 1))["quality"]["qaa"]
    properties = {key: _measure(name, 100) for name, key in zip(QUALITY_NAMES, written, strict=True)}
    return record(
        "The 29 quality values.", {"qaa": record("Scores are 0..100.", properties, list(properties))}, ["qaa"]
    )


def _quality_v2() -> Json:
    properties = {name: _measure(name, 1) for name in QUALITY_NAMES}
    return record("The 29 quality values; scores are 0..1.", properties, list(properties))


def _point(name: str) -> Json:
    proj = sequence("x / width, y / height", {"type": "number"}, 2)
    return record(f"{name.replace('_', ' ')}; left is the left of the image.", {"proj": proj}, ["proj"])


def _common(upper: bool) -> Json:
    """The members of a face that differ between the versions in the case of their labels at most."""

    def spelt(*labels: str) -> list[str]:
        return [label.upper() if upper else label for label in labels]

    emotion = record(
        "One of the seven.",
        {
            "confidence": within(0, 1, "Its share; the seven sum to 1."),
            "emotion": {"type": "string", "enum": spelt(*EMOTION_NAMES)},
        },
        ("confidence", "emotion"),
    )
    live = text("The verdict.", enum=spelt("real", "fake"))
    return {
        **_detected(),
        "gender": text("The apparent gender.", enum=spelt(*Gender)),
        "age": text("The apparent age in whole years, as text.", pattern="^[0-9]+$"),
        "emotions": sequence(f"Always in the order {', '.join(spelt(*EMOTION_NAMES))}.", emotion, len(EMOTION_NAMES)),
        "liveness": _scored("Whether this is a live person or a picture of one.", live, "That the person is live."),
    }


def _detected(*kinds: str) -> Json:
    return {
        "id": {"type": "integer", "minimum": 0, "description": "The place of the object in this image, from 0."},
        "class": text("What the object is.", **({"enum": list(kinds)} if kinds else {"examples": ["face", "body"]})),
        "confidence": within(0, 1, "That there is such an object."),
        "bbox": sequence(
            "[x_min, y_min, x_max, y_max] as fractions of the image's width and height, origin top left.",
            {"type": "number"}, 4,
        ),
    }  # fmt: skip


def _angles(description: str) -> Json:
    axes = {"yaw": "vertical axis", "roll": "axis of sight", "pitch": "axis through the ears"}
    return record(
        description, {name: within(-180, 180, f"Degrees about the {axis}.") for name, axis in axes.items()}, list(axes)
    )


def _mask() -> Json:
    return _scored("Whether the face wears a medical mask.", {"type": "boolean"}, "That it wears one.")


def _face_v1() -> Json:
    return record(
        "An object of a v1 document. Which members it has depends on the services that it went through; members "
        "that we do not know are kept.",
        {
            **_common(upper=True),
            "mask": _mask(),
            "angles": _angles("The rotation of the head."),
            "quality": ref("QualityV1"),
            "fitter": ref("FitterV1"),
            "$template": _blob(f"The template, {SIZE} bytes."),
            "template_size": {"type": "integer", "description": "The size of the template in words of 4 bytes: 74."},
        },
    )


def _face_v2() -> Json:
    return record(
        "An object of a v2 document. Which members it has depends on the services that it went through; members "
        "that we do not know are kept.",
        {
            **_common(upper=False),
            "has_medical_mask": _mask(),
            "pose": _angles("The rotation of the head."),
            "quality": ref("QualityV2"),
            "keypoints": ref("KeypointsV2"),
            "template": ref("Template"),
        },
    )


def _fitter() -> Json:
    order = ", ".join(KEYPOINT_NAMES)
    pixels = sequence("x, y in pixels.", {"type": "number"}, 2)
    return record(
        "The 21 points of a face.",
        {
            "fitter_type": text("The set of points.", examples=["fda"]),
            "keypoints": sequence(f"21 times x, y, 0 in pixels of the image: {order}.", {"type": "number"}, 63),
            "left_eye": {**pixels, "description": "The eye on the left of the image: x, y in pixels."},
            "right_eye": {**pixels, "description": "The eye on the right of the image: x, y in pixels."},
        },
        ["keypoints"],
    )


def _keypoints() -> Json:
    points = {name: _point(name) for name in KEYPOINT_NAMES}
    return record(
        "The 21 points of a face.",
        {**points, "fitter_type": text("The set of points.", examples=["fda"])},
        list(points),
    )


def _template() -> Json:
    array = record(
        "The bytes of the template.",
        {
            "blob": _blob(f"The template, {SIZE} bytes."),
            "format": text("What the bytes are.", enum=["NDARRAY"]),
            "dtype": text("The type of an element.", enum=["uint8", "uint8_t"]),
            "shape": sequence(f"The number of elements: {SIZE}.", {"type": "integer"}, 1),
        },
        ["blob"],
    )
    return {
        "type": "object",
        "description": "One member, whose name begins with '_' and says which model made the template: "
        "_face_template_extractor_<model>_<version>. Templates of different models cannot be compared.",
        "patternProperties": {"^_": array},
        "minProperties": 1,
    }


def wire_schemas() -> Json:
    """The schemas by name."""
    image = record(
        "An encoded file (JPEG, PNG, BMP, WebP, TIFF, GIF or ICO), or bare RGB rows with format NDARRAY, dtype, shape.",
        {
            "blob": _blob("The image."),
            "format": text("What the bytes are.", enum=["IMAGE", "NDARRAY"], default="IMAGE"),
            "dtype": text("Of NDARRAY: uint8.", enum=["uint8", "uint8_t"]),
            "shape": sequence("Of NDARRAY: [height, width, 3].", {"type": "integer"}, 3),
        },
        ["blob"],
    )
    place = {"loc": sequence("Where.", {"type": ["string", "integer"]}), "msg": text("Why."), "type": text("A code.")}
    found = record("One fault.", place, ("loc", "msg", "type"))
    return {
        "SampleV1": record(
            "A v1 document.",
            {"$image": _blob("The image file."), "objects": sequence("Its objects.", ref("FaceObjectV1"))},
        ),
        "SampleV2": record(
            "A v2 document.",
            {"_image": ref("ImageV2"), "objects": sequence("Its objects.", ref("FaceObjectV2"))},
        ),
        "ImageV2": image,
        "FaceObjectV1": _face_v1(),
        "FaceObjectV2": _face_v2(),
        "BodyObject": record("A body, the same in both versions.", _detected("body"), ("class", "bbox")),
        "FitterV1": _fitter(),
        "KeypointsV2": _keypoints(),
        "QualityV1": _quality_v1(),
        "QualityV2": _quality_v2(),
        "Template": _template(),
        "Verification": record(
            "How alike two templates are. Accept as the same person from a score of 0.85: one in 10,000 "
            "comparisons of different people reaches it.",
            {
                "distance": {"type": "integer", "description": "Lower is closer; its scale depends on the model."},
                "fa_r": within(0, 1, "The false-accept rate if this distance were the threshold."),
                "fr_r": within(0, 1, "The false-reject rate if this distance were the threshold."),
                "score": within(0, 1, "Higher is more alike."),
            },
            ("distance", "fa_r", "fr_r", "score"),
        ),
        "Timings": {
            "type": "object",
            "description": "With ?timings=true: milliseconds spent on each part.",
            "additionalProperties": {"type": "number"},
        },
        "ErrorText": record("An error in one sentence.", {"detail": text("What is wrong.")}, ["detail"]),
        "ErrorList": record(
            "What is wrong in a document, and where.", {"detail": sequence("The faults.", found)}, ["detail"]
        ),
        "Error": {"description": "Any error.", "anyOf": [ref("ErrorText"), ref("ErrorList")]},
    }
