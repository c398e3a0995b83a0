"""What CompreFace answers, in the types of its versions 0.x or 1.x: pure functions from what was found to JSON."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from compat.compreface.query import Paged
from schemas import Attributes, Frame
from schemas.attributes import (
    AGE,
    ANGLES,
    BOX,
    CONFIDENCE,
    GENDER,
    GENDER_CONFIDENCE,
    KEYPOINT_NAMES,
    KEYPOINTS,
    MASK,
    TEMPLATE,
    Angles,
    Verification,
)
from schemas.fields import Json
from schemas.template import decode
from store import Member, Page

_POINTS = [KEYPOINT_NAMES.index(name) for name in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")]

# CompreFace tells a range of ages. Ours is the estimate and five years either way, into which this share of the people
# in the held-out half of All-Age-Faces falls; docs/compreface.md has the measurement.
AGE_MARGIN = 5  # years
AGE_PROBABILITY = 0.59


class Style(StrEnum):
    """Whose answers: those of versions 0.x, of which the source document is, or of 1.x."""

    OLD = "0"
    NEW = "1"

    @property
    def names_subjects(self) -> bool:
        """Whether a comparison with an example says whose it is."""
        return self is Style.NEW


def face(found: Attributes, frame: Frame, plugins: Collection[str], style: Style) -> Json:
    """A face of an image of ``frame`` pixels, with what the plugins say of it."""
    answer: Json = {}
    if "age" in plugins and AGE in found:
        answer["age"] = _age(found[AGE], style)
    if "gender" in plugins and GENDER in found:
        answer["gender"] = _valued(str(found[GENDER]), found[GENDER_CONFIDENCE], style)
    if "mask" in plugins and MASK in found:
        mask = found[MASK]
        sure = mask.confidence if mask.value else 1 - mask.confidence
        answer["mask"] = {"probability": round(sure, 5), "value": "with_mask" if mask.value else "without_mask"}
    if "pose" in plugins and ANGLES in found:
        answer["pose"] = pose(found[ANGLES])
    if "calculator" in plugins and TEMPLATE in found:
        answer["embedding"] = decode(found[TEMPLATE]).vector.tolist()
    answer["box"] = box(found, frame)
    if "landmarks" in plugins and KEYPOINTS in found:
        points = found[KEYPOINTS]
        answer["landmarks"] = [[round(points[i].x * frame.width), round(points[i].y * frame.height)] for i in _POINTS]
    return answer


def box(found: Attributes, frame: Frame) -> Json:
    """The box in whole pixels within the image, and how sure the detector is."""
    left, top, right, bottom = found[BOX]
    probability: float = found[CONFIDENCE]
    return {
        "probability": round(probability, 5),
        "x_max": _pixel(right, frame.width),
        "y_max": _pixel(bottom, frame.height),
        "x_min": _pixel(left, frame.width),
        "y_min": _pixel(top, frame.height),
    }


def pose(angles: Angles) -> Json:
    """Degrees, with CompreFace's signs: it counts roll the other way round."""
    return {"pitch": round(angles.pitch, 5), "roll": round(-angles.roll, 5), "yaw": round(angles.yaw, 5)}


def similarity(verification: Verification) -> float:
    """How alike two faces are, 0..1: our calibrated score, in which .5 parts right from wrong."""
    return round(verification.score, 5)


def example(identity: UUID, subject: str) -> Json:
    return {"image_id": str(identity), "subject": subject}


def page(found: Page[tuple[UUID, Member]], paged: Paged) -> Json:
    """A part of the list of examples."""
    return {
        "faces": [example(identity, owner.name) for identity, owner in found.items],
        "page_number": paged.page,
        "page_size": paged.size,
        "total_pages": -(-found.total // paged.size),
        "total_elements": found.total,
    }


def most_alike_first(answers: Sequence[Json]) -> list[Json]:
    return sorted(answers, key=lambda each: -float(each["similarity"]))


def _age(years: float, style: Style) -> Any:
    low, high = max(round(years) - AGE_MARGIN, 0), round(years) + AGE_MARGIN
    if style is Style.OLD:
        return [low, high]
    return {"probability": AGE_PROBABILITY, "high": high, "low": low}


def _valued(value: str, probability: float, style: Style) -> Any:
    return value if style is Style.OLD else {"probability": round(probability, 5), "value": value}


def _pixel(fraction: float, side: int) -> int:
    return min(max(round(fraction * side), 0), side)
