"""How quality values are written: whole numbers are integers, in both versions, in JSON."""

import json
from typing import Any

import msgspec
import pytest

from schemas import Attributes, Dialect, Frame
from schemas.attributes import QUALITY, QUALITY_NAMES
from schemas.common import is_flag
from schemas.v1 import V1
from schemas.v2 import V2

_SIZES = {
    "eyes_distance": 99.0,
    "max_rotation_deviation": -8.0,
    "margin_outer_deviation": 0.0,
    "margin_inner_deviation": 25.0,
}
_SCORES = {"total_score": 0.91, "noise_score": 1.0, "dynamic_range_score": 2.47, "sharpness_score": 0.29}


def _quality(**values: float) -> dict[str, float | bool]:
    return {name: values.get(name, is_flag(name) or 0.57) for name in QUALITY_NAMES}


def _written(dialect: Dialect, **values: float) -> Any:
    written = dialect.write({}, Attributes({QUALITY: _quality(**values)}), Frame(1, 1))
    return json.loads(msgspec.json.encode(written))["quality"]


def test_scores_are_whole_points_in_v1() -> None:
    points = _written(V1, **_SIZES, **_SCORES)["qaa"]
    assert [points[key] for key in ("totalScore", "noiseScore", "dynamicRangeScore", "sharpnessScore")] == [
        91,
        100,
        247,
        29,
    ]
    assert [points[key] for key in ("eyesDistance", "maxRotationDeviation", "marginInnerDeviation")] == [99, -8, 25]
    assert {type(value) for value in points.values()} == {int, bool}


def test_sizes_and_full_scores_are_integers_in_v2() -> None:
    quality = _written(V2, **_SIZES, **_SCORES)
    assert {name for name, value in quality.items() if type(value) is int} == {*_SIZES, "noise_score"}
    assert quality == _quality(**_SIZES, **_SCORES)


@pytest.mark.parametrize("dialect", [V1, V2], ids=lambda each: each.name)
@pytest.mark.parametrize("value", [1e30, -1e300, 0.123456789, -0.0])
def test_other_numbers_stay_what_they_are(dialect: Dialect, value: float) -> None:
    quality = _written(dialect, eyes_distance=value)
    assert quality.get("qaa", quality)["eyesDistance" if dialect is V1 else "eyes_distance"] == value
