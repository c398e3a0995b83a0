"""Accuracy figures on answers whose figures are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.figures import (
    accuracy,
    area_under_curve,
    bias,
    equal_error_rate,
    expected_calibration_error,
    fold_accuracy,
    macro_recall,
    mean_absolute_error,
    overlap,
    reliability,
)

FIRST, SECOND = (0.0, 0.0, 10.0, 10.0), (20.0, 20.0, 30.0, 30.0)
distances = st.lists(st.tuples(st.booleans(), st.integers(0, 30)), min_size=20, max_size=60)


def test_accuracy_is_the_share_of_right_answers() -> None:
    assert accuracy(["a", "b", "b", "c"], ["a", "b", "c", "c"]) == 0.75


def test_macro_recall_weighs_rare_classes_like_common_ones() -> None:
    assert macro_recall(["a"] * 9 + ["b"], ["a"] * 10) == 0.5


def test_errors_have_a_size_and_a_bias() -> None:
    assert mean_absolute_error([10, 20, 30], [12, 18, 24]) == pytest.approx(10 / 3)
    assert bias([10, 20, 30], [12, 18, 24]) == pytest.approx(-2)


def test_scores_that_rank_perfectly_have_no_equal_error_and_the_whole_area() -> None:
    labels, scores = [False, False, True, True], [0.1, 0.2, 0.8, 0.9]
    assert equal_error_rate(labels, scores) == 0
    assert area_under_curve(labels, scores) == 1


def test_one_swap_in_four_is_an_equal_error_of_a_quarter() -> None:
    labels = [False] * 4 + [True] * 4
    assert equal_error_rate(labels, [1, 2, 3, 6, 5, 7, 8, 9]) == pytest.approx(0.25)


def test_folds_that_separate_alike_are_all_right() -> None:
    folds = np.repeat(np.arange(10), 4)
    same = np.tile([True, True, False, False], 10)
    found = fold_accuracy(folds, same, np.tile([1, 2, 8, 9], 10))
    assert found == (1.0, 0.0)


def test_the_threshold_of_a_fold_comes_from_the_other_folds() -> None:
    # The third fold alone would put its threshold above 20, but the other two separate at 5.
    folds = [0, 0, 1, 1, 2, 2]
    same = [True, False, True, False, True, False]
    assert fold_accuracy(folds, same, [1, 9, 1, 9, 20, 30]).mean == pytest.approx((1 + 1 + 0.5) / 3)


def test_a_pair_without_a_face_is_told_different() -> None:
    folds, same = [0, 0, 1, 1, 2, 2], [True, False, True, False, True, False]
    assert fold_accuracy(folds, same, [1, np.inf, np.inf, 9, 1, 9]).mean == pytest.approx((1 + 0.5 + 1) / 3)


@given(pairs=distances)
def test_the_best_threshold_is_no_worse_than_any_other(pairs: list[tuple[bool, int]]) -> None:
    same, distance = np.array([label for label, _ in pairs]), np.array([far for _, far in pairs], float)
    twice = fold_accuracy(np.repeat([0, 1], len(pairs)), np.tile(same, 2), np.tile(distance, 2)).mean
    assert twice == pytest.approx(max(np.mean((distance <= bar) == same) for bar in (-1, *distance)))


@pytest.mark.parametrize(
    ("other", "expected"), [(FIRST, 1.0), (SECOND, 0.0), ((5.0, 0.0, 15.0, 10.0), 1 / 3), ((3.0, 3.0, 3.0, 3.0), 0.0)]
)
def test_overlap_is_intersection_over_union(other: tuple[float, float, float, float], expected: float) -> None:
    assert overlap(FIRST, other) == pytest.approx(expected)
    assert overlap(other, FIRST) == pytest.approx(expected)


def test_answers_that_are_right_as_often_as_they_claim_are_calibrated() -> None:
    confidences = np.repeat([0.2, 0.6, 0.9], 10)
    right = np.concatenate([np.arange(10) < share for share in (2, 6, 9)])
    assert expected_calibration_error(right, confidences, bins=3) == pytest.approx(0)
    assert reliability(right, confidences, bins=3).size.tolist() == [10, 10, 10]


def test_answers_that_claim_too_much_are_off_by_as_much() -> None:
    assert expected_calibration_error([True, False] * 20, [0.9] * 40) == pytest.approx(0.4)


@given(pairs=st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=60))
def test_every_answer_is_in_one_group_of_a_reliability_diagram(pairs: list[tuple[bool, float]]) -> None:
    right, confidences = zip(*pairs, strict=True)
    found = reliability(right, confidences)
    assert found.size.sum() == len(pairs)
    assert np.dot(found.share, found.size) == pytest.approx(sum(right))
    assert 0 <= expected_calibration_error(right, confidences) <= 1
