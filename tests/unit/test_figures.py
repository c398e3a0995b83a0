"""Accuracy figures on answers whose figures are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.figures import (
    accuracy,
    area_under_curve,
    bias,
    detection,
    equal_error_rate,
    error_rates,
    fold_accuracy,
    macro_recall,
    mean_absolute_error,
    overlap,
    true_accepts_at,
)

FIRST, SECOND, ELSEWHERE = (0.0, 0.0, 10.0, 10.0), (20.0, 20.0, 30.0, 30.0), (50.0, 50.0, 60.0, 60.0)
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


def test_attacks_accepted_and_people_refused_are_told_apart() -> None:
    assert error_rates([False, False, False, False, True, True], [True, False, False, False, True, False]) == (
        0.25,
        0.5,
    )


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


@given(pairs=distances, rate=st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_true_accepts_hold_at_the_rate_of_false_accepts(pairs: list[tuple[bool, int]], rate: float) -> None:
    same = np.array([True, False, *(label for label, _ in pairs)])
    distance = np.array([5, 5, *(far for _, far in pairs)], float)
    allowed = [bar for bar in (-1, *distance, 31) if np.mean(distance[~same] < bar) <= rate]
    best = max(np.mean(distance[same] < bar) for bar in allowed)
    assert true_accepts_at(rate, same, distance) == pytest.approx(best)


@pytest.mark.parametrize(
    ("other", "expected"), [(FIRST, 1.0), (SECOND, 0.0), ((5.0, 0.0, 15.0, 10.0), 1 / 3), ((3.0, 3.0, 3.0, 3.0), 0.0)]
)
def test_overlap_is_intersection_over_union(other: tuple[float, float, float, float], expected: float) -> None:
    assert overlap(FIRST, other) == pytest.approx(expected)
    assert overlap(other, FIRST) == pytest.approx(expected)


def test_all_boxes_found_and_no_others_is_perfect() -> None:
    assert detection([[FIRST, SECOND], []], [[(0.9, FIRST), (0.4, SECOND)], []]) == (1.0, 1.0)


def test_a_box_found_twice_counts_once() -> None:
    assert detection([[FIRST]], [[(0.9, FIRST), (0.8, FIRST)]]) == (1.0, 1.0)
    assert detection([[FIRST, SECOND]], [[(0.9, FIRST), (0.8, FIRST), (0.7, SECOND)]]).average_precision == (
        pytest.approx((1 + 2 / 3) / 2)
    )


def test_a_sure_false_box_costs_precision_but_no_recall() -> None:
    found = detection([[FIRST], [SECOND]], [[(0.5, FIRST)], [(0.9, ELSEWHERE), (0.4, SECOND)]])
    assert found.recall == 1
    assert found.average_precision == pytest.approx(2 / 3)


def test_a_box_counts_only_on_its_own_image() -> None:
    assert detection([[FIRST], []], [[], [(0.9, FIRST)]]) == (0.0, 0.0)


def test_nothing_found_is_nothing() -> None:
    assert detection([[FIRST]], [[]]) == (0.0, 0.0)
