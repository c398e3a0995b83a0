"""CenterFace: faces and five points from a heat map of face centres.

Xu et al. (2019), "CenterFace: Joint Face Detection and Alignment Using Face as Point". One map of stride 4: the
chance that a face is centred in the cell, the logarithm of its height and width in cells, the centre's offset inside
the cell (y, x), and five points (y, x) as fractions of the box.
"""

import numpy as np

from estimators.base import Image
from estimators.boxes import Detections
from models import Session

_STRIDE = 4
_LEAST = 0.01  # cells below are not decoded: a 1280 x 1280 canvas has 100,000


def detections(run: Session, canvas: Image, least: float = 0.0) -> Detections:
    """The faces of at least ``least`` on a (h, w, 3) canvas whose sides are multiples of 32, in pixels of the canvas.

    The network reads (1, 3, h, w) float32 RGB in 0..255. The points are in the order of ``yunet.detections``.
    """
    heat, scale, offset, landmarks = run(np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], np.float32))
    rows, columns = np.nonzero((heat[0, 0] > _LEAST) & (heat[0, 0] >= least))
    with np.errstate(over="ignore"):  # an absurd size becomes infinite and is sifted out
        sizes = np.exp(scale[0][::-1, rows, columns].T.astype(np.float64)) * _STRIDE  # (n, 2): width, height
    cells = np.column_stack([columns, rows]) + 0.5
    centres = (cells + offset[0][::-1, rows, columns].T) * _STRIDE
    corners = centres - sizes / 2
    shares = landmarks[0][:, rows, columns].T.reshape(-1, 5, 2)[:, :, ::-1].astype(np.float64)
    points = corners[:, None] + shares * sizes[:, None]
    return Detections(np.hstack([corners, corners + sizes]), heat[0, 0, rows, columns].astype(np.float64), points)
