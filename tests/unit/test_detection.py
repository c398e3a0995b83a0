"""Average precision of boxes whose figures are known."""

import numpy as np
import pytest

from eval.detection import Boxes, Detections

FIRST, SECOND, ELSEWHERE = (0.0, 0.0, 10.0, 10.0), (20.0, 20.0, 30.0, 30.0), (50.0, 50.0, 60.0, 60.0)


def test_all_boxes_found_and_no_others_is_perfect() -> None:
    found = Detections([Boxes([FIRST, SECOND], [(0.9, FIRST), (0.4, SECOND)]), Boxes([], [])])
    assert (found.average_precision_50(), found.average_precision(), found.recall_50()) == (1, 1, 1)


def test_a_box_that_is_a_little_off_is_found_at_low_overlaps_alone() -> None:
    found = Detections([Boxes([FIRST], [(0.9, (0.0, 0.0, 10.0, 7.2))])])  # an overlap of .72: found at .50 to .70
    assert found.average_precision_50() == pytest.approx(1)
    assert found.average_precision() == pytest.approx(0.5)


def test_a_box_found_twice_counts_once() -> None:
    found = Detections([Boxes([FIRST, SECOND], [(0.9, FIRST), (0.8, FIRST), (0.7, SECOND)])])
    assert found.recall_50() == 1
    assert found.average_precision_50() == pytest.approx((51 + 50 * 2 / 3) / 101)  # 101 levels of recall


def test_a_sure_false_box_costs_precision_but_no_recall() -> None:
    found = Detections([Boxes([FIRST], [(0.5, FIRST)]), Boxes([SECOND], [(0.9, ELSEWHERE), (0.4, SECOND)])])
    assert found.recall_50() == 1
    assert found.average_precision_50() == pytest.approx(2 / 3)


def test_a_box_counts_only_on_its_own_image() -> None:
    found = Detections([Boxes([FIRST], []), Boxes([], [(0.9, FIRST)])])
    assert (found.average_precision_50(), found.recall_50()) == (0, 0)


def test_nothing_found_is_nothing() -> None:
    found = Detections([Boxes([FIRST], [])])
    assert (found.average_precision_50(), found.average_precision(), found.recall_50()) == (0, 0, 0)


def test_images_may_be_drawn_more_than_once() -> None:
    found = Detections([Boxes([FIRST], [(0.9, FIRST)]), Boxes([SECOND], [])])
    whole = found.recall_50()
    assert [found.recall_50(np.array(chosen)) for chosen in ([0, 0], [1, 1], [0, 1])] == [1, 0, 0.5]
    assert found.recall_50() == whole == 0.5
