"""How uniform the background is."""

import cv2
import numpy as np

from estimators.quality.regions import background
from estimators.quality.view import FaceView

_SMOOTHING = 1.5  # pixels of the context: noise is not clutter
_REACH = 8  # pixels, at least how far away a pixel can change a gradient: the smoothing ends after 6
_LEAST = 0.01  # of the context: less background than this disturbs nobody


def background_gradient(view: FaceView) -> float:
    """The mean length of the luminance gradient in the background, in grey levels per pixel of the context.

    Background uniformity of ISO/IEC 29794-5, which takes gradients on the background of the aligned face; here the
    head is an ellipse instead of a segmentation. A face that fills the photo has a uniform background.
    """
    region = background(view.context_points, view.context_inside)
    if cv2.countNonZero(region.view(np.uint8)) < _LEAST * region.size:
        return 0.0
    _, top, _, height = cv2.boundingRect(region.view(np.uint8))
    rows = slice(max(top - _REACH, 0), top + height + _REACH)
    smooth = cv2.GaussianBlur(view.context_luminance[rows], (0, 0), _SMOOTHING)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    # The border of the photo is an edge only because the crop is black beyond it.
    kernel = np.ones((7, 7), np.uint8)
    safe = cv2.bitwise_and(region[rows].view(np.uint8), cv2.erode(view.context_inside[rows].view(np.uint8), kernel))
    return float(cv2.mean(cv2.magnitude(across, down), safe)[0])  # 0 where nothing is safe
