"""What the report on detection thresholds counts."""

import numpy as np
import pytest

from estimators.boxes import Array, Detections
from training.detection_report import Counts, counts, main_faces

FACE, OTHER, ELSEWHERE = [0.0, 0, 10, 10], [20.0, 20, 30, 30], [50.0, 50, 80, 80]


def found(*faces: tuple[list[float], float]) -> Detections:
    """Boxes with their scores, by descending score as detectors answer them."""
    boxes = np.array([box for box, _ in faces]).reshape(-1, 4)
    return Detections(boxes, np.array([score for _, score in faces]), np.zeros((len(faces), 0, 2)))


def boxes(*faces: list[float]) -> Array:
    return np.array(faces, np.float64).reshape(-1, 4)


def test_a_threshold_decides_what_is_found_and_what_is_false() -> None:
    labelled = [boxes(FACE, OTHER), boxes()]
    detections = [found((FACE, 0.9), (ELSEWHERE, 0.5), (OTHER, 0.3)), found((FACE, 0.4))]
    assert counts(labelled, detections, 0.6) == Counts(2, 1, 0)
    assert counts(labelled, detections, 0.45) == Counts(2, 1, 1)
    assert counts(labelled, detections, 0.2) == Counts(2, 2, 2)


def test_a_face_that_is_found_twice_is_false_once() -> None:
    shifted = [1.0, 0, 11, 10]
    assert counts([boxes(FACE)], [found((FACE, 0.9), (shifted, 0.8))], 0.5) == Counts(1, 1, 1)


def test_f2_minds_a_miss_more_than_a_false_box() -> None:
    missed, false = Counts(10, 9, 0), Counts(10, 10, 1)
    assert missed.f(1) == pytest.approx(18 / 19)
    assert false.f(1) == pytest.approx(20 / 21)
    assert Counts(10, 8, 0).f(2) < Counts(10, 10, 2).f(2)
    assert Counts(10, 10, 0).f(2) == 1
    assert Counts(0, 0, 0).f(1) == 0


def test_the_main_face_is_the_largest_that_both_networks_see() -> None:
    one = found((FACE, 0.9), (ELSEWHERE, 0.1))
    other = found((ELSEWHERE, 0.2), ([0.0, 0, 10, 12], 0.2))
    large, small, none = main_faces([one, found((FACE, 0.9)), one], [other, other, found()])
    assert large.tolist() == [ELSEWHERE]
    assert small.tolist() == [[0, 0, 10, 11]]
    assert none.shape == (0, 4)
