"""Finding faces of every size: what a face network is shown, and what is kept of its answer.

Rules, each measured on real photographs:

* An image is shown at its own size, shrunk to a long side of 1280 pixels if larger, and enlarged to 160 if smaller:
  of 137 face crops of 48 x 48, 94 % (YuNet) and 93 % (CenterFace) are found that way, 85 and 62 % at their own size.
* Both networks lose faces of more than about 400 pixels, and draw their boxes too small. So images with a long side
  above 320 are looked at a second time, four times smaller, and faces above 320 pixels come from that second look
  alone. They are above 80 pixels there, which is large for both networks: of 3,539 faces in 2,907 images, one is lost
  against a second look at 320 pixels, which is up to six times the work.
* Sides are padded to multiples of 32 with black at the right and at the bottom.
"""

from collections.abc import Callable, Mapping

import numpy as np

from estimators.base import Image
from estimators.boxes import Array, Detections, resized, seen, sifted
from estimators.face import centerface, yunet
from models import Model, Session

_LONGEST, _SHORTEST = 1280, 160  # pixels, of the long side
_LARGEST = 320  # pixels: the largest face that the first look may find
_FACTOR = 4  # by which the second look is smaller
_BAND = 240  # pixels of the first look: the second look leaves smaller faces to the first
_MULTIPLE = 32
_OVERLAP = 0.4  # intersection over union above which two boxes show one face
_MOST = 300  # faces of an image, which bounds what a threshold near 0 can cost

NETWORKS: Mapping[str, Callable[[Session, Image, float], Detections]] = {
    "yunet": yunet.detections,
    "centerface": centerface.detections,
}


def faces(model: Model, image: Image, threshold: float) -> Detections:
    """The faces of an image by descending score, with five points each, in pixels of the image.

    The points are the image-left eye, the image-right eye, the nose, and the image-left and image-right corners of
    the mouth. The confidence is the network's own score.
    """
    longest = max(image.shape[:2])
    shown = float(np.clip(longest, _SHORTEST, _LONGEST))
    fine = _look(model, image, shown / longest, threshold)
    if shown > _LARGEST:
        limits = np.array([_LARGEST, _BAND]) * longest / shown  # pixels of the image
        coarse = _look(model, image, shown / longest / _FACTOR, threshold)
        fine, coarse = fine.chosen(_sizes(fine) <= limits[0]), coarse.chosen(_sizes(coarse) > limits[1])
        fine = Detections(*(np.concatenate(parts) for parts in zip(fine, coarse, strict=True)))
    return seen(sifted(fine, threshold, _OVERLAP, _MOST), image)


def _look(model: Model, image: Image, zoom: float, threshold: float) -> Detections:
    height, width = image.shape[:2]
    columns, rows = max(round(width * zoom), 1), max(round(height * zoom), 1)
    canvas = image if (columns, rows) == (width, height) else resized(image, columns, rows)
    if canvas.shape[:2] != (_padded(rows), _padded(columns)):
        fitted, canvas = canvas, np.zeros((_padded(rows), _padded(columns), 3), np.uint8)
        canvas[:rows, :columns] = fitted
    return NETWORKS[model.architecture](model.run, canvas, threshold).scaled((width / columns, height / rows))


def _padded(side: int) -> int:
    return -(-side // _MULTIPLE) * _MULTIPLE


def _sizes(found: Detections) -> Array:
    """The longer side of each box, (n,)."""
    longer: Array = (found.boxes[:, 2:] - found.boxes[:, :2]).max(axis=1, initial=0)
    return longer
