"""How the head is placed: eye distance, rotation, and the room around it."""

from typing import NamedTuple

import numpy as np

from estimators.quality.regions import Points
from schemas.attributes import KEYPOINT_NAMES, Angles

_AT = {name: index for index, name in enumerate(KEYPOINT_NAMES)}

# The room that ISO/IEC 29794-5 wants round the eyes (its measures of the crop of the face image; the numbers are the
# middles of their sigmoids): to the sides in distances between the eyes, above and below in distances from the point
# between the eyes to the chin.
_BESIDE, _ABOVE, _BELOW = 0.9, 1.4, 1.8

# The head alone, in the same units: ISO/IEC 19794-5 puts the eyes half way between crown and chin. A face is about as
# wide as 1.2 times the way from the eyes to the chin; half of that is beside the middle.
_HEAD_ABOVE, _HEAD_BESIDE = 1.0, 0.6


class Margins(NamedTuple):
    """Pixels missing, added up over the four sides of the photo."""

    outer: float  # that the head itself leaves the photo by
    inner: float  # of the room that the standard wants round it


def eyes_distance(points: Points) -> float:
    """Pixels of the photo between the eye centres: inter-eye distance of ISO/IEC 29794-5, without its pose term."""
    return float(np.linalg.norm(points[_AT["left_eye"]] - points[_AT["right_eye"]]))


def eyes_to_chin(points: Points) -> float:
    """Pixels of the photo from the point between the eyes to the chin."""
    eyes = points[[_AT["left_eye"], _AT["right_eye"]]].mean(0)
    return float(np.linalg.norm(points[_AT["chin"]] - eyes))


def largest_rotation(angles: Angles, pitch_offset: float) -> float:
    """Of yaw, pitch (less the pitch of a level face) and roll, the one furthest from 0, signed, in degrees."""
    return float(max(angles.yaw, angles.pitch - pitch_offset, angles.roll, key=abs))


def margins(points: Points, size: tuple[int, int]) -> Margins:
    """What is missing of the head and of the room round it, in pixels of the photo."""
    eyes = points[[_AT["left_eye"], _AT["right_eye"]]]
    middle = eyes.mean(0)
    length, apart = eyes_to_chin(points), eyes_distance(points)
    wanted = _missing(
        eyes[:, 0].min() - _BESIDE * apart,
        middle[1] - _ABOVE * length,
        eyes[:, 0].max() + _BESIDE * apart,
        middle[1] + _BELOW * length,
        size,
    )
    head = _missing(
        min(float(points[:, 0].min()), middle[0] - _HEAD_BESIDE * length),
        middle[1] - _HEAD_ABOVE * length,
        max(float(points[:, 0].max()), middle[0] + _HEAD_BESIDE * length),
        max(float(points[:, 1].max()), middle[1] + length),
        size,
    )
    return Margins(outer=head, inner=wanted)


def _missing(left: float, top: float, right: float, bottom: float, size: tuple[int, int]) -> float:
    """By how many pixels the rectangle leaves the photo, all sides together."""
    width, height = size
    beyond = (-0.5 - left, -0.5 - top, right - (width - 0.5), bottom - (height - 0.5))
    return float(sum(max(pixels, 0.0) for pixels in beyond))
