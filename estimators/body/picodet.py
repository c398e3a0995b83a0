"""PicoDet: 80 classes of objects on four grids, of which class 0 is a person.

Yu et al. (2021), "PP-PicoDet: A Better Real-Time Object Detector on Mobile Devices". A cell of stride s gives, for
each of the four sides of the box, a distribution over 0 to 7 strides; its mean is the side's distance from the cell's
centre.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from estimators.boxes import Detections, resized
from models import Session

_SIDE = 416
_STRIDES = (8, 16, 32, 64)
_BINS = 8
_PERSON = 0
_MEAN = np.array([103.53, 116.28, 123.675], np.float32)  # BGR; ImageNet, as the network was trained
_DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)


def detections(run: Session, images: list[Image]) -> list[Detections]:
    """The people of each (h, w, 3) image, one per grid cell, in pixels of the image.

    The network reads (n, 3, 416, 416) float32 BGR, normalised; the image lies in the middle, black around it.
    """
    canvases = np.stack([_canvas(image) for image in images])
    blob = (canvases[:, :, :, ::-1] - _MEAN) / _DEVIATION
    outputs = run(np.ascontiguousarray(blob.transpose(0, 3, 1, 2), np.float32))
    scores, sides = outputs[: len(_STRIDES)], outputs[len(_STRIDES) :]
    found = []
    for index, image in enumerate(images):
        grids = [
            _decoded(score[index, :, _PERSON], side[index], stride)
            for score, side, stride in zip(scores, sides, _STRIDES, strict=True)
        ]
        everything = Detections(*(np.concatenate(parts) for parts in zip(*grids, strict=True)))
        zoom, left, top = _placement(image)
        found.append(everything.scaled((1 / zoom, 1 / zoom), (-left, -top)))
    return found


def _placement(image: Image) -> tuple[float, int, int]:
    """How much the image is scaled, and where its top-left corner lies on the canvas."""
    height, width = image.shape[:2]
    zoom = _SIDE / max(height, width)
    return zoom, (_SIDE - max(round(width * zoom), 1)) // 2, (_SIDE - max(round(height * zoom), 1)) // 2


def _canvas(image: Image) -> Image:
    height, width = image.shape[:2]
    zoom, left, top = _placement(image)
    small = resized(image, max(round(width * zoom), 1), max(round(height * zoom), 1))
    below, right = _SIDE - top - small.shape[0], _SIDE - left - small.shape[1]
    return np.asarray(cv2.copyMakeBorder(small, top, below, left, right, cv2.BORDER_CONSTANT, value=0), np.uint8)


def _decoded(scores: NDArray[np.float32], sides: NDArray[np.float32], stride: int) -> Detections:
    """The boxes of one square grid on the canvas; ``scores`` is (cells,), ``sides`` is (cells, 32) before softmax."""
    rows, columns = np.divmod(np.arange(len(scores)), -(-_SIDE // stride))
    centres = np.column_stack([columns, rows]) * float(stride) + (stride - 1) / 2
    logits = sides.reshape(-1, 4, _BINS).astype(np.float64)
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    distances = weights @ np.arange(_BINS) / weights.sum(axis=2) * stride  # (cells, 4): left, top, right, bottom
    boxes = np.hstack([centres - distances[:, :2], centres + distances[:, 2:]])
    return Detections(boxes, scores.astype(np.float64), np.zeros((len(scores), 0, 2)))
