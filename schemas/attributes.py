"""What can be said of an object in an image, in one canonical form.

Lengths are fractions of the image's width and height with the origin top-left, angles are degrees and
confidences lie in [0, 1]. "Left" is image-left: the viewer's left, smaller x.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Attribute(Generic[T]):
    """The name of an attribute, carrying the type of its value: ``attributes[AGE]`` is a float.

    An ``internal`` attribute is a note from one estimator to another, and stands in no document.
    """

    name: str
    internal: bool = False

    def __repr__(self) -> str:
        return self.name


class Attributes(Mapping[Attribute[Any], Any]):
    """An immutable mapping whose value types follow from its keys."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[Attribute[Any], Any] | None = None) -> None:
        self._values = dict(values or {})

    def __getitem__(self, key: Attribute[T]) -> T:
        value: T = self._values[key]
        return value

    def __iter__(self) -> Iterator[Attribute[Any]]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __or__(self, other: Mapping[Attribute[Any], Any]) -> "Attributes":
        return Attributes({**self._values, **other})

    def __repr__(self) -> str:
        return f"Attributes({', '.join(f'{key}={value!r}' for key, value in self._values.items())})"


class Box(NamedTuple):
    """Corners as fractions of the image width and height."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


class Point(NamedTuple):
    """A position as fractions of the image width and height."""

    x: float
    y: float


class Angles(NamedTuple):
    """Head rotation in degrees; axes and signs are documented in ``estimators/face/pose.py``."""

    yaw: float
    roll: float
    pitch: float


class Gender(StrEnum):
    MALE = "male"
    FEMALE = "female"


@dataclass(frozen=True)
class Scored(Generic[T]):
    """A value and a confidence in [0, 1]; each attribute says what the confidence is of."""

    value: T
    confidence: float


class Verification(NamedTuple):
    """How alike two templates are.

    ``distance`` is an integer, lower is closer; ``false_accept`` and ``false_reject`` are the error rates in [0, 1]
    if this distance were the threshold; ``score`` lies in [0, 1], higher is more alike.
    """

    distance: int
    false_accept: float
    false_reject: float
    score: float


# The 21-point set "fda", in wire order.
KEYPOINT_NAMES = (
    "left_eye_brow_left",
    "left_eye_brow_up",
    "left_eye_brow_right",
    "right_eye_brow_left",
    "right_eye_brow_up",
    "right_eye_brow_right",
    "left_eye_left",
    "left_eye",
    "left_eye_right",
    "right_eye_left",
    "right_eye",
    "right_eye_right",
    "left_ear_bottom",
    "nose_left",
    "nose",
    "nose_right",
    "right_ear_bottom",
    "mouth_left",
    "mouth",
    "mouth_right",
    "chin",
)

EMOTION_NAMES = ("angry", "disgusted", "scared", "happy", "neutral", "sad", "surprised")  # in wire order

# The 29 quality values in wire order (v2 spelling); scores in [0, 1] except where said.
QUALITY_NAMES = (
    "total_score",
    "is_sharp",
    "sharpness_score",
    "is_evenly_illuminated",
    "illumination_score",
    "no_flare",
    "is_left_eye_opened",
    "left_eye_openness_score",
    "is_right_eye_opened",
    "right_eye_openness_score",
    "is_rotation_acceptable",
    "max_rotation_deviation",  # degrees, signed
    "not_masked",
    "not_masked_score",
    "is_neutral_emotion",
    "neutral_emotion_score",
    "is_eyes_distance_acceptable",
    "eyes_distance",  # pixels
    "is_margins_acceptable",
    "margin_outer_deviation",  # pixels
    "margin_inner_deviation",  # pixels
    "is_not_noisy",
    "noise_score",
    "watermark_score",  # high where there is a watermark
    "has_watermark",
    "dynamic_range_score",  # grey levels / 100: 2.55 at most
    "is_dynamic_range_acceptable",
    "background_uniformity_score",
    "is_background_uniform",
)

KIND = Attribute[str]("class")  # "face" or "body"
BOX = Attribute[Box]("bbox")
CONFIDENCE = Attribute[float]("confidence")  # that there is such an object
KEYPOINTS = Attribute[tuple[Point, ...]]("keypoints")  # 21, in the order of KEYPOINT_NAMES
ANGLES = Attribute[Angles]("pose")
GENDER = Attribute[Gender]("gender")
GENDER_CONFIDENCE = Attribute[float]("gender confidence", internal=True)  # that the gender told is right, calibrated
AGE = Attribute[float]("age")  # years
MALE = Attribute[float]("male", internal=True)  # uncalibrated P(male), which the network that tells the age gives too
EMOTIONS = Attribute[Mapping[str, float]]("emotions")  # keys in the order of EMOTION_NAMES; they sum to 1
LIVENESS = Attribute[Scored[bool]]("liveness")  # confidence that the face belongs to a live person
MASK = Attribute[Scored[bool]]("mask")  # confidence that the face wears a medical mask
QUALITY = Attribute[Mapping[str, float | bool]]("quality")  # keys in the order of QUALITY_NAMES
TEMPLATE = Attribute[bytes]("template")  # 296 bytes, see schemas/template.py
