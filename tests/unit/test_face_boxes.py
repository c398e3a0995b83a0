"""What detectors share: suppression of repetitions, clipping and scaling."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from estimators.boxes import Array, Detections, fractions, overlaps, resized, seen, sifted

_numbers = st.floats(-50, 50, allow_nan=False, width=32)
_boxes = arrays(np.float64, st.tuples(st.integers(0, 25), st.just(5)), elements=_numbers)


def _detections(rows: Array) -> Detections:
    sides = np.abs(rows[:, 2:4]) + 0.1
    boxes = np.hstack([rows[:, :2], rows[:, :2] + sides])
    return Detections(boxes, np.abs(rows[:, 4]) / 50, np.zeros((len(rows), 0, 2)))


@given(_boxes)
def test_what_remains_is_sorted_confident_and_free_of_repetitions(rows: Array) -> None:
    kept = sifted(_detections(rows), threshold=0.2, overlap=0.4, most=100)
    assert (kept.scores >= 0.2).all()
    assert (np.diff(kept.scores) <= 0).all()
    for index, box in enumerate(kept.boxes):
        assert (overlaps(box, kept.boxes[index + 1 :]) <= 0.4).all()


@given(_boxes)
def test_what_is_left_out_repeats_something_better(rows: Array) -> None:
    found = _detections(rows)
    kept = sifted(found, threshold=0, overlap=0.4, most=100)
    for box, score in zip(found.boxes, found.scores, strict=True):
        better = kept.chosen(kept.scores >= score)
        assert (overlaps(box, better.boxes) > 0.4).any() or (better.boxes == box).all(axis=1).any()


@given(_boxes)
def test_sifting_twice_changes_nothing(rows: Array) -> None:
    once = sifted(_detections(rows), threshold=0.1, overlap=0.4, most=10)
    twice = sifted(once, threshold=0.1, overlap=0.4, most=10)
    assert np.array_equal(once.boxes, twice.boxes)
    assert len(once.scores) <= 10


def test_infinite_and_empty_boxes_are_left_out() -> None:
    boxes = np.array([[0, 0, np.inf, 5], [3, 3, 3, 9], [np.nan, 0, 4, 4], [0, 0, 4, 4]])
    kept = sifted(Detections(boxes, np.ones(4), np.zeros((4, 5, 2))), threshold=0, overlap=0.5, most=9)
    assert kept.boxes.tolist() == [[0, 0, 4, 4]]


def test_overlap_is_one_for_equal_and_zero_for_separate_boxes() -> None:
    box = np.array([0.0, 0, 2, 2])
    others = np.array([[0.0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]])
    assert np.allclose(overlaps(box, others), [1, 1 / 3, 0])


def test_boxes_are_clipped_to_the_image_and_those_outside_are_not_seen() -> None:
    image = np.zeros((10, 20, 3), np.uint8)
    found = Detections(np.array([[-5.0, 2, 10, 30], [-9, -9, -1, -1]]), np.ones(2), np.zeros((2, 0, 2)))
    visible = seen(found, image)
    assert len(visible.scores) == 1
    assert fractions(visible.boxes[0], image) == (0, 0.2, 0.5, 1)


def test_scaling_moves_boxes_and_points_alike() -> None:
    found = Detections(np.array([[1.0, 2, 3, 4]]), np.ones(1), np.array([[[1.0, 2]]]))
    moved = found.scaled((2, 10), (1, -1))
    assert moved.boxes.tolist() == [[4, 10, 8, 30]]
    assert moved.points.tolist() == [[[4, 10]]]


def test_shrinking_keeps_the_mean() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[::2] = 200
    assert abs(float(resized(image, 7, 7).mean()) - 100) < 5
