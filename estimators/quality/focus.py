"""Sharpness and noise: how much of the fine detail is there, and how much of it is the sensor's own."""

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.quality.regions import Mask
from estimators.quality.view import FaceView, grey

# Scales of detail in pixels of the aligned face, where the eyes are 48 pixels apart.
FINE, COARSE = 1.0, 3.0
_REACH = 14  # pixels, at least how far away a pixel can change the energy: the coarse smoothing ends after 12

_BLOCK = 12  # pixels, both sides of the blocks in which noise shows; FACE_SIZE is a multiple
_NOISE_BLOCK = 8

# Immerkaer (1996), "Fast noise variance estimation": the difference of two Laplacians is blind to edges that are
# straight; mean |response| * sqrt(pi / 2) / 6 is the standard deviation of white noise.
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)

# Clipped pixels hide noise; blocks with a mean outside these grey levels do not count.
_CLIPPED = (12.0, 243.0)


def sharpness(view: FaceView) -> float:
    """The energy of fine detail in the face, relative to that of coarse detail; a sharp face has 0.25 to 0.45.

    ISO/IEC 29794-5 judges sharpness by Laplacians of the aligned face at several scales. The ratio of two scales
    does not depend on contrast or complexion, and loses what blur takes: fine detail first. Noise is detail too, but
    it is everywhere: what the calmest quarter of the face has of fine detail is taken off.
    """
    luminance, oval = view.face_luminance, view.oval
    if not oval.any():
        return 0.0
    rows = rows_about(oval)
    luminance, oval = luminance[rows], oval[rows]
    fine, coarse = energy(luminance, FINE), energy(luminance, COARSE)
    detail = float(fine[oval].mean()) - calmest(fine, oval)
    return float(np.sqrt(max(detail, 0.0) / (float(coarse[oval].mean()) + 1.0)))  # 1: a blank face is not sharp


def rows_about(region: Mask) -> slice:
    """The rows of whole blocks that have some of the region, and as many about them as can change its energy."""
    _, top, _, height = cv2.boundingRect(region.view(np.uint8))
    first, last = (top - _REACH) // _BLOCK, -(-(top + height + _REACH) // _BLOCK)
    return slice(max(first, 0) * _BLOCK, last * _BLOCK)


def energy(luminance: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """The squared, scale-normalised Laplacian of Gaussian, (height, width) in squared grey levels."""
    laplacian = cv2.Laplacian(cv2.GaussianBlur(luminance, (0, 0), scale), cv2.CV_32F)
    return np.asarray((scale * scale * laplacian) ** 2, np.float32)


def calmest(values: NDArray[np.float32], region: Mask) -> float:
    """The lower quartile over the blocks that lie in the region."""
    inside = _block_means(region.astype(np.float32), _BLOCK) > 0.95
    return float(np.percentile(_block_means(values, _BLOCK)[inside], 25)) if inside.any() else 0.0


def noise(view: FaceView) -> float:
    """The standard deviation of the noise in grey levels, at the photo's own resolution.

    Skin hides little noise: the lower quartile of Immerkaer's estimate over small blocks of the face.
    """
    luminance = grey(view.native)
    if min(luminance.shape) < 2 * _NOISE_BLOCK:
        return 0.0
    response = np.abs(cv2.filter2D(luminance, -1, _IMMERKAER)) * (np.sqrt(np.pi / 2) / 6)
    estimates = _block_means(response.astype(np.float32), _NOISE_BLOCK)
    means = _block_means(luminance, _NOISE_BLOCK)
    usable = estimates[(means > _CLIPPED[0]) & (means < _CLIPPED[1])]
    return float(np.percentile(usable, 25)) if usable.size else 0.0


def _block_means(values: NDArray[np.float32], block: int) -> NDArray[np.float32]:
    """Means over whole blocks of ``block`` x ``block`` pixels."""
    rows, columns = values.shape[0] // block, values.shape[1] // block
    whole = values[: rows * block, : columns * block]
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)
