"""CenterNet: 80 classes of objects from a heat map of object centres, of which class 0 is a person.

Zhou, Wang and Kraehenbuehl (2019), "Objects as Points". One map of stride 4: the chance that an object is centred in
the cell, and the distances in pixels from the cell to the four sides. Only cells that beat their eight neighbours
count.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from estimators.boxes import Detections, resized
from models import Session

_SIDE = 512
_STRIDE = 4
_PERSON = 0


def detections(run: Session, images: list[Image]) -> list[Detections]:
    """The people of each (h, w, 3) image, in pixels of the image.

    The network reads (n, 512, 512, 3) float32 RGB in 0..255, without regard to the aspect ratio.
    """
    blob = np.stack([resized(image, _SIDE, _SIDE) for image in images]).astype(np.float32)
    distances, heat = run(blob)
    found = []
    for image, sides, people in zip(images, distances, heat[..., _PERSON], strict=True):
        height, width = image.shape[:2]
        found.append(_decoded(np.ascontiguousarray(people), sides).scaled((width / _SIDE, height / _SIDE)))
    return found


def _decoded(heat: NDArray[np.float32], sides: NDArray[np.float32]) -> Detections:
    """The peaks of a (128, 128) map, with the (128, 128, 4) distances to left, top, right and bottom."""
    peaks = heat >= cv2.dilate(heat, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero(peaks)
    centres = np.column_stack([columns, rows]) * float(_STRIDE)
    near, far = sides[rows, columns, :2].astype(np.float64), sides[rows, columns, 2:].astype(np.float64)
    boxes = np.hstack([centres - near, centres + far])
    return Detections(boxes, heat[rows, columns].astype(np.float64), np.zeros((len(rows), 0, 2)))
