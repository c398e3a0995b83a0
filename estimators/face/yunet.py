"""YuNet: faces and five points from a small anchor-free network.

Wu, Peng and Yu (2023), "YuNet: A Tiny Millisecond-level Face Detector". The grid of stride s has one cell for every
s x s pixels; a cell at (column, row) gives a class and an object score, the centre of the box relative to the cell
in strides, the logarithm of its size in strides, and five points relative to the cell in strides.
"""

import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from estimators.boxes import Array, Detections
from models import Session

_STRIDES = (8, 16, 32)


def detections(run: Session, canvas: Image) -> Detections:
    """Every cell's face on a (h, w, 3) canvas with sides that are multiples of 32, in pixels of the canvas.

    The network reads (1, 3, h, w) float32 BGR in 0..255. The points are the image-left eye, the image-right eye, the
    nose, and the image-left and image-right corners of the mouth.
    """
    blob = np.ascontiguousarray(canvas[:, :, ::-1].transpose(2, 0, 1)[None], np.float32)
    outputs = [output[0].astype(np.float64) for output in run(blob)]  # class, object, box and points, each by stride
    count = len(_STRIDES)
    grids = []
    for level, stride in enumerate(_STRIDES):
        classes, objects, boxes, points = outputs[level::count]
        scores = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1))
        rows, columns = np.divmod(np.arange(len(scores)), canvas.shape[1] // stride)
        grids.append(_decoded(scores, boxes, points, np.column_stack([columns, rows]), stride))
    return Detections(*(np.concatenate(parts) for parts in zip(*grids, strict=True)))


def _decoded(scores: Array, boxes: Array, points: Array, cells: NDArray[np.intp], stride: int) -> Detections:
    """The faces of one grid: ``boxes`` is (n, 4), ``points`` (n, 10), ``cells`` (n, 2) with column and row."""
    centres = (cells + boxes[:, :2]) * stride
    with np.errstate(over="ignore"):  # an absurd size becomes infinite and is sifted out
        halves = np.exp(boxes[:, 2:]) * stride / 2
    places = (cells[:, None] + points.reshape(-1, 5, 2)) * stride
    return Detections(np.hstack([centres - halves, centres + halves]), scores, places)
