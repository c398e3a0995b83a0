"""The laws of scales and of the total score, and the arithmetic of framing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from estimators.quality.framing import eyes_distance, eyes_to_chin, largest_rotation, margins
from estimators.quality.thresholds import THRESHOLDS, Scale
from estimators.quality.total import total_score
from schemas.attributes import KEYPOINT_NAMES, Angles

_FINITE = some.floats(-1e6, 1e6)
_GOOD = {
    "sharpness": 1.0,
    "rotation": 0.0,
    "not_masked": 1.0,
    "eyes_distance": 100.0,
    "illumination": 0.95,
    "noise": 1.0,
    "cut_off": 0.0,
    "flare": 1.0,
    "dynamic_range": 200.0,
    "openness": 1.0,
    "no_watermark": 0.95,
}


@given(_FINITE, _FINITE, some.floats(1e-3, 1e3))
def test_a_scale_never_falls_where_quality_rises(low: float, high: float, width: float) -> None:
    low, high = sorted((low, high))
    assert 0 <= Scale(0.0, width).score(low) <= Scale(0.0, width).score(high) <= 1
    assert 0 <= Scale(0.0, -width).score(high) <= Scale(0.0, -width).score(low) <= 1


@given(_FINITE, some.floats(1e-3, 1e3))
def test_the_middle_scores_one_half(middle: float, width: float) -> None:
    assert Scale(middle, width).score(middle) == 0.5


def test_the_thresholds_are_those_of_the_vendor() -> None:
    points = {
        name: 100 * getattr(THRESHOLDS, name).acceptable
        for name in ("sharpness", "illumination", "noise", "not_masked")
    }
    assert points == {"sharpness": 20, "illumination": 50, "noise": 20, "not_masked": 20}
    assert (THRESHOLDS.neutral, THRESHOLDS.rotation, THRESHOLDS.eyes_distance) == (0.2, 10, 60)
    assert THRESHOLDS.dynamic_range == 127


def test_a_good_face_scores_high_with_and_without_a_network() -> None:
    assert total_score(_GOOD) >= 0.9
    assert total_score({**_GOOD, "network": 0.6}) >= 0.9


@pytest.mark.parametrize(
    ("part", "value"),
    [("sharpness", 0.02), ("rotation", 45.0), ("not_masked", 0.0), ("eyes_distance", 12.0), ("network", 0.3)],
)
def test_one_grave_defect_is_enough(part: str, value: float) -> None:
    assert total_score({**_GOOD, part: value}) < 0.4


def test_the_largest_rotation_keeps_its_sign_and_allows_for_the_offset() -> None:
    assert largest_rotation(Angles(yaw=-8, roll=3, pitch=-5), pitch_offset=-5) == -8
    assert largest_rotation(Angles(yaw=-8, roll=9, pitch=-5), pitch_offset=-5) == 9
    assert largest_rotation(Angles(yaw=-8, roll=9, pitch=-20), pitch_offset=-5) == -15


def _points(**named: tuple[float, float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array([named.get(name, (250.0, 220.0)) for name in KEYPOINT_NAMES])


def test_the_room_round_the_head_is_that_of_the_standard() -> None:
    points = _points(left_eye=(200.0, 200.0), right_eye=(300.0, 200.0), chin=(250.0, 320.0))
    assert (eyes_distance(points), eyes_to_chin(points)) == (100, 120)
    assert margins(points, (512, 512)) == (0, 0)
    # 1.4 * 120 above, 0.9 * 100 beside and 1.8 * 120 below the eyes
    assert margins(points - (0, 40), (512, 512)) == pytest.approx((0, 7.5))
    assert margins(points - (120, 0), (512, 512)) == pytest.approx((0, 9.5))
    assert margins(points, (512, 400)) == pytest.approx((0, 16.5))
    # 120 above the eyes is the crown
    assert margins(points - (0, 100), (512, 512)) == pytest.approx((19.5, 67.5))
