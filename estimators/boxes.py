"""What detectors share: scaling an image onto a network's canvas, and sifting the boxes that come out."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from schemas.attributes import Box

Array = NDArray[np.float64]


class Detections(NamedTuple):
    """What a network found in one image, in its pixels: the top-left corner of the image is (0, 0)."""

    boxes: Array  # (n, 4): left, top, right, bottom
    scores: Array  # (n,) in [0, 1]
    points: Array  # (n, k, 2) key points as (x, y); k is 0 for a network that finds none

    def chosen(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> "Detections":
        """Those at the given indices, in that order, or under the given mask."""
        return Detections(self.boxes[which], self.scores[which], self.points[which])

    def scaled(self, factors: tuple[float, float], shift: tuple[float, float] = (0, 0)) -> "Detections":
        """With every position (x, y) moved by ``shift`` and then multiplied by ``factors``."""
        zoom, offset = np.array(factors, np.float64), np.array(shift, np.float64)
        boxes = (self.boxes.reshape(-1, 2, 2) + offset) * zoom
        return Detections(boxes.reshape(-1, 4), self.scores, (self.points + offset) * zoom)


def sifted(found: Detections, threshold: float, overlap: float, most: int) -> Detections:
    """The finite, non-empty detections of at least ``threshold``, without repetitions, by descending score.

    Greedy non-maximum suppression: a box that overlaps a better one by more than ``overlap`` (intersection over
    union) is a repetition. At most ``most`` remain.
    """
    count, points = found.points.shape[:2]
    numbers = np.column_stack([found.boxes, found.scores, found.points.reshape(count, 2 * points)])
    sound = np.isfinite(numbers).all(axis=1) & (found.boxes[:, 2:] > found.boxes[:, :2]).all(axis=1)
    found = found.chosen(sound & (found.scores >= threshold))
    found = found.chosen(np.argsort(-found.scores, kind="stable"))
    kept: list[int] = []
    left = np.arange(len(found.scores))
    while len(left) and len(kept) < most:
        best, left = left[0], left[1:]
        kept.append(int(best))
        left = left[overlaps(found.boxes[best], found.boxes[left]) <= overlap]
    return found.chosen(np.array(kept, np.intp))


def overlaps(box: Array, boxes: Array) -> Array:
    """Intersection over union of a box (4,) with each of ``boxes`` (n, 4): (n,) in [0, 1]."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    common = np.clip(sides, 0, None).prod(axis=1)
    union = (box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) - common
    shares: Array = common / np.maximum(union, 1e-12)
    return shares


def fractions(box: Array, image: Image) -> Box:
    """A box in pixels as fractions of the image, clipped to it."""
    height, width = image.shape[:2]
    return Box(*np.clip(box / [width, height, width, height], 0, 1).tolist())


def seen(found: Detections, image: Image) -> Detections:
    """The detections that show at least part of a pixel's width and height inside the image."""
    height, width = image.shape[:2]
    inside = np.clip(found.boxes, 0, [width, height, width, height])
    return found.chosen(np.flatnonzero((inside[:, 2:] - inside[:, :2] > 0.5).all(axis=1)))


def resized(image: Image, width: int, height: int) -> Image:
    """The image at ``width`` x ``height`` pixels; each pixel averages what it covers, so shrinking does not alias."""
    shrinks = width * height < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)
