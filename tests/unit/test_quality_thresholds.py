"""The laws of scales and of the total score, and the arithmetic of framing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from estimators.quality.assessment import bare_odds
from estimators.quality.framing import eyes_distance, eyes_to_chin, largest_rotation, margins
from estimators.quality.thresholds import THRESHOLDS, Scale
from estimators.quality.total import NETWORK, parts, total_score
from schemas.attributes import KEYPOINT_NAMES, Angles

_FINITE = some.floats(-1e6, 1e6)
_GOOD = {
    "yaw": 4.0,
    "pitch": 3.0,
    "sharpness": 0.35,
    "illumination": 0.75,
    "flare": 0.0,
    "noise": 0.5,
    "dynamic_range": 180.0,
    "watermark": -2.5,
    "openness": 0.35,
    "not_masked": 0.9,
    "eyes_distance": 80.0,
    "cut_off": 0.0,
    "network": 0.62,
}


@given(_FINITE, _FINITE, some.floats(1e-3, 1e3))
def test_a_scale_never_falls_where_quality_rises(low: float, high: float, width: float) -> None:
    low, high = sorted((low, high))
    assert 0 <= Scale(0.0, width).score(low) <= Scale(0.0, width).score(high) <= 1
    assert 0 <= Scale(0.0, -width).score(high) <= Scale(0.0, -width).score(low) <= 1


@given(_FINITE, some.floats(1e-3, 1e3))
def test_the_middle_scores_one_half(middle: float, width: float) -> None:
    assert Scale(middle, width).score(middle) == 0.5


def test_the_thresholds_in_points_are_those_of_the_vendor() -> None:
    points = {
        name: 100 * getattr(THRESHOLDS, name).acceptable
        for name in ("sharpness", "illumination", "noise", "not_masked", "bare_colours")
    }
    assert points == {"sharpness": 20, "illumination": 50, "noise": 20, "not_masked": 20, "bare_colours": 20}
    assert (THRESHOLDS.neutral, THRESHOLDS.eyes_distance, THRESHOLDS.dynamic_range) == (0.2, 60, 127)


def test_about_even_odds_of_a_mask_are_the_border() -> None:
    assert THRESHOLDS.not_masked.accepts(THRESHOLDS.not_masked.score(bare_odds(0.47)))
    assert not THRESHOLDS.not_masked.accepts(THRESHOLDS.not_masked.score(bare_odds(0.53)))
    assert np.isfinite([bare_odds(0.0), bare_odds(1.0)]).all()


def _without_network(values: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if name != NETWORK}


def test_every_part_has_a_weight_that_is_not_negative() -> None:
    assert parts().keys() == _GOOD.keys()
    assert all(part.weight >= 0 and part.weight_alone >= 0 for part in parts().values())
    assert parts()[NETWORK].weight_alone == 0


def test_a_good_face_scores_high_with_and_without_a_network() -> None:
    assert 0.8 <= total_score(_GOOD) <= 1
    assert 0.8 <= total_score(_without_network(_GOOD)) <= 1


@pytest.mark.parametrize(
    ("part", "value", "most"),
    [
        ("sharpness", 0.02, 0.6),
        ("yaw", 75.0, 0.6),
        ("not_masked", 0.02, 0.7),  # a mask leaves the eyes, and costs less than the other defects do
        ("eyes_distance", 5.0, 0.6),
        ("watermark", 6.0, 0.6),
    ],
)
def test_one_grave_defect_is_enough(part: str, value: float, most: float) -> None:
    assert total_score(_without_network({**_GOOD, part: value})) < most


@given(some.sampled_from(sorted(_GOOD)), some.floats(-1e3, 1e3), some.floats(-1e3, 1e3))
def test_the_total_never_rises_as_a_value_gets_worse(part: str, one: float, other: float) -> None:
    scale = parts()[part].scale
    if scale is None:
        one, other = sorted(np.clip((one, other), 0, 1).tolist())
    else:
        one, other = sorted((one, other), reverse=scale.width < 0)
    for values in (_GOOD, _without_network(_GOOD)):
        if part in values:
            assert 0 <= total_score({**values, part: one}) <= total_score({**values, part: other}) <= 1


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
