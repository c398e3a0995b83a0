"""SmartFace's scales."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis.strategies import floats

from compat.smartface import scores
from compat.smartface.images import longest
from estimators.calibration import TABLES, load_calibration, threshold
from store import StoredImage


@pytest.mark.parametrize("model", TABLES)
@pytest.mark.parametrize(("score", "rate"), [(10, 1e-1), (20, 1e-2), (30, 1e-3), (40, 1e-4)])
def test_a_score_is_ten_times_the_logarithm_of_the_false_accept_rate(model: str, score: int, rate: float) -> None:
    table = load_calibration(model)
    at = threshold(model, rate)
    assert scores.match_score(table.score[at]) == pytest.approx(score, abs=1e-6)
    passing = [distance for distance in range(at + 2) if scores.match_score(table.score[distance]) > score + 1e-6]
    assert table.false_accept[passing[-1]] <= rate


@pytest.mark.parametrize("model", TABLES)
def test_a_score_falls_with_the_distance(model: str) -> None:
    found = [scores.match_score(score) for score in load_calibration(model).score]
    assert (found[0], found[-1]) == (100, 0)
    assert all(closer >= farther for closer, farther in pairwise(found))


@given(floats(0, 1))
def test_a_whole_score_exceeds_a_threshold_where_the_exact_one_does(score: float) -> None:
    exact = scores.match_score(score)
    for least in range(101):
        if abs(exact - least) > 1e-6:
            assert (scores.whole(exact) > least) == (exact > least)


@given(floats(0, 1))
def test_a_confidence_means_the_threshold_it_comes_from(confidence: float) -> None:
    there = scores.detection_quality(confidence)
    assert scores.detection_confidence(there) == pytest.approx(confidence, abs=6e-4)


def test_defaults_mean_ours() -> None:
    assert scores.detection_confidence(450) == 0.5
    assert scores.detection_confidence(1450) == pytest.approx(0.65)
    assert scores.detection_confidence(-1) == 0
    assert scores.detection_confidence(20_000) == 1
    assert scores.mask_confidence(0.5) == 3000
    assert scores.liveness_score(0.5) == 90
    assert scores.liveness_score(1) == 100


@pytest.mark.parametrize(
    ("smaller", "larger", "found"),
    [(0, 0, 400), (100, 0, 200), (0, 100, 100), (100, 150, 150), (100, 300, 200), (900, 0, 400), (0, 900, 400)],
)
def test_images_shrink_and_never_grow(smaller: int, larger: int, found: int) -> None:
    assert longest(StoredImage(b"", "image/jpeg", 200, 400), smaller, larger) == found
    assert longest(StoredImage(b"", "image/jpeg", 400, 200), smaller, larger) == found
