"""YuNet: faces and five points from a small anchor-free network.

Wu, Peng and Yu (2023), "YuNet: A Tiny Millisecond-level Face Detector". The grid of stride s has one cell for every
s x s pixels; a cell at (column, row) gives a class and an object score, the centre of the box relative to the cell
in strides, the logarithm of its size in strides, and five points relative to the cell in strides.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from estimators.boxes import Array, Detections
from models import Session

_STRIDES = (8, 16, 32)


def detections(run: Session, canvas: Image, least: float = 0.0) -> Detections:
    """The faces of all cells that score at least ``least``, on a (h, w, 3) canvas with sides that are multiples of 32.

    Positions are pixels of the canvas. The network reads (1, 3, h, w) float32 BGR in 0..255. The points are the
    image-left eye, the image-right eye, the nose, and the image-left and image-right corners of the mouth.
    """
    outputs = [output[0] for output in run(_blob(canvas))]  # class, object, box and points, each by stride
    count = len(_STRIDES)
    told, cells, strides = [], [], []
    for level, stride in enumerate(_STRIDES):
        classes, objects, boxes, points = outputs[level::count]
        # A little less than asked for: what is chosen here in single precision is scored again in double.
        chosen = np.flatnonzero(classes[:, 0] * objects[:, 0] >= least * least * (1 - 1e-5))
        told.append(np.hstack([part[chosen] for part in (classes, objects, boxes, points)]))
        cells.append(np.stack(np.divmod(chosen, canvas.shape[1] // stride)[::-1], axis=1))
        strides += [stride] * len(chosen)
    return _decoded(np.concatenate(told).astype(np.float64), np.concatenate(cells), np.array(strides, np.intp)[:, None])


def _blob(canvas: Image) -> NDArray[np.float32]:
    blob = np.empty((1, 3, *canvas.shape[:2]), np.float32)
    for channel, plane in enumerate(reversed(cv2.split(canvas))):  # faster than a transposed copy of the pixels
        blob[0, channel] = plane
    return blob


def _decoded(told: Array, cells: NDArray[np.intp], strides: NDArray[np.intp]) -> Detections:
    """The faces of what n cells tell, (n, 16): two scores, box and points; their columns and rows, (n, 2); (n, 1)."""
    surest, boxes, points = np.clip(told[:, :2], 0, 1), told[:, 2:6], told[:, 6:]
    scores = np.sqrt(surest.prod(axis=1))
    centres = (cells + boxes[:, :2]) * strides
    with np.errstate(over="ignore"):  # an absurd size becomes infinite and is sifted out
        halves = np.exp(boxes[:, 2:]) * strides / 2
    places = (cells[:, None] + points.reshape(-1, 5, 2)) * strides[:, None]
    return Detections(np.hstack([centres - halves, centres + halves]), scores, places)
