"""Light on the face: how even it is, where it glares, and how many grey levels it leaves."""

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.quality.regions import cheeks
from estimators.quality.view import FaceView

# Histograms are smoothed with this standard deviation in grey levels, so that the grain of the skin and the number of
# pixels do not decide what two cheeks have in common.
_SMOOTHING = 10.0

# Skin glares where it is nearly as light as the sensor can say, and lighter than the rest of the face: from the first
# number of grey levels on a little, from the second on fully. ISO/IEC 19794-5 asks for no hot spots on the face.
_GLARE = (225.0, 250.0)
_ABOVE_SKIN = 30.0  # grey levels above the median of the skin, at least

_LEVELS = (0.5, 99.5)  # percentiles: single pixels make no range


def illumination_uniformity(view: FaceView) -> float:
    """What the luminance histograms of the two cheeks have in common, 0..1.

    Illumination uniformity of ISO/IEC 29794-5: the intersection of the normalised histograms of both sides.
    """
    left, right = (_histogram(view.face_luminance[mask]) for mask in cheeks(view.face_points))
    return float(np.minimum(left, right).sum())


def _histogram(levels: NDArray[np.float32]) -> NDArray[np.float64]:
    """(256,) smoothed, adding up to 1."""
    counts = np.bincount(levels.round().astype(int), minlength=256).astype(np.float64)
    smooth = cv2.GaussianBlur(counts[None], (0, 0), _SMOOTHING, borderType=cv2.BORDER_REFLECT)[0]
    histogram: NDArray[np.float64] = smooth / max(float(smooth.sum()), 1e-9)
    return histogram


def glare(view: FaceView) -> float:
    """The share of the skin that glares, 0..1. A measure of our own; OFIQ's over-exposure counts the like."""
    region = view.face_luminance[view.skin]
    if not region.size:
        return 0.0
    low, high = _GLARE
    excess = np.minimum(region - low, region - np.median(region) - _ABOVE_SKIN)
    return float(np.clip(excess / (high - low), 0, 1).mean())


def dynamic_range(view: FaceView) -> float:
    """How many grey levels the face spans, 0..255.

    ISO/IEC 19794-5 wants at least 7 bits of intensity variation in the facial region.
    """
    levels = view.face_luminance[view.oval]
    if not levels.size:
        return 0.0
    low, high = np.percentile(levels, _LEVELS)
    return float(high - low)
