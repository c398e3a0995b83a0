"""Whether text or a logo is laid over the photo.

A measure of our own; the standards have none. Letters are strokes: two edges of the same contrast face each other a few
pixels apart (Epshtein, Ofek, Wexler (2010), "Detecting text in natural scenes with stroke width transform"). Skin has
few of them, and letters are compact pieces of strokes.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.quality.regions import Mask
from estimators.quality.view import FaceView

_SMOOTHING = 0.8  # pixels: sensor noise is no edge
_EDGE = 5.0  # grey levels per pixel: weaker gradients are no edges ...
_FULL_EDGE = 15.0  # ... and these count fully
_WIDEST = 9  # pixels: the widest stroke
_BORDER = _WIDEST + 1
_ALIKE = 0.6  # the contrast of the weaker edge of a stroke over that of the other, at least

_LETTER_CONTRAST = 12.0  # grey levels by which letters stand out
# Structures narrower than this stand out: an ellipse of 9 x 9 pixels, OpenCV's, as an oblong that moves along a cross,
# with a line across it, which takes two thirds of the time.
_OBLONG = np.ones((3, 7), np.uint8)
_CROSS = np.array([[0, 1, 0], [0, 1, 0], [1, 1, 1], [0, 1, 0], [0, 1, 0]], np.uint8)
_LINE = np.ones((9, 1), np.uint8)
_LETTER_HEIGHT = (6, 50)  # pixels of the context
_LETTER_WIDTH = (2, 60)
_LETTER_AREA = (14, 500)
_LETTER_FILL = (0.12, 0.85)  # of its bounding box

# Logistic regression on the square roots of both values, by training/watermark.py, on 405 photos of LFW, All-Age-Faces
# and others, with and without text of random size, place, colour and opacity drawn over them. The bias leaves few false
# alarms. Held out: 1.2 % of LFW and 4.7 % of all, where 54 % of nearly opaque texts and 30 % of those of an opacity of
# 0.35 are found; many of them lie beside the face.
_WEIGHTS = (12.0, 3.7)
_BIAS = -9.1


class Strokes(NamedTuple):
    """What may be letters."""

    on_skin: float  # strong edges of strokes per pixel of skin
    letters: float  # pieces of the size and shape of letters, per 50th part of the context


def watermark_odds(view: FaceView) -> float:
    """The logarithm of the odds that there is a watermark."""
    return _BIAS + float(np.dot(_WEIGHTS, np.sqrt(strokes(view))))


def strokes(view: FaceView) -> Strokes:
    """How much of the face and its surroundings looks like letters."""
    bare = _shrunk(view.skin, 5)
    inside = _shrunk(view.context_inside, 7)
    face, context = _smooth(view.face_luminance), _smooth(view.context_luminance)
    return Strokes(_stroke_density(face, bare), _letter_density(context, inside))


def _smooth(luminance: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(luminance, (0, 0), _SMOOTHING), np.float32)


def _stroke_density(luminance: NDArray[np.float32], region: Mask) -> float:
    """Edges in the region that have a partner, weighed by their contrast, per pixel of the region."""
    near = _surrounded(region, _BORDER)  # as far as strokes can reach
    luminance, within = luminance[near], region[near]
    across = np.asarray(cv2.Sobel(luminance, cv2.CV_32F, 1, 0, scale=1 / 8), np.float32)
    down = np.asarray(cv2.Sobel(luminance, cv2.CV_32F, 0, 1, scale=1 / 8), np.float32)
    near = _surrounded(within, 1)  # what crests look at
    contrast = np.zeros_like(luminance)
    contrast[near] = np.hypot(across[near], down[near])
    rows, columns = np.nonzero(within & (contrast > _EDGE))
    if not rows.size:
        return 0.0
    down, across, contrast = (_bordered(values) for values in (down, across, contrast))
    width = luminance.shape[1] + 2 * _BORDER
    place = (rows + _BORDER) * width + columns + _BORDER  # in the bordered arrays, read line by line
    strength = contrast[place]
    unit = np.stack([down[place], across[place]]) / strength
    ahead = _steps(unit, width)
    crest = (strength >= contrast[place + ahead]) & (strength >= contrast[place - ahead])
    place, unit, strength = place[crest], unit[:, crest], strength[crest]
    weight = np.clip((strength - _EDGE) / (_FULL_EDGE - _EDGE), 0, 1)
    least, most = _ALIKE * strength, strength / _ALIKE
    paired = np.zeros((2, len(place)), np.bool_)  # strokes lighter, and darker than what is around them
    for step in range(2, _WIDEST + 1):
        ahead = _steps(step * unit, width)
        for way, there in enumerate((place + ahead, place - ahead)):
            opposite = -(down[there] * unit[0] + across[there] * unit[1])
            paired[way] |= (opposite > least) & (opposite < most)
    return sum(float(weight[each].sum()) for each in paired) / cv2.countNonZero(region.view(np.uint8))


def _surrounded(region: Mask, width: int) -> tuple[slice, slice]:
    """The rows and columns of the region and ``width`` pixels about it, as far as there are any."""
    left, top, columns, rows = cv2.boundingRect(region.view(np.uint8))
    return slice(max(top - width, 0), top + rows + width), slice(max(left - width, 0), left + columns + width)


def _bordered(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The values line by line, with a border that repeats the outermost ones as far as strokes can reach."""
    grown = cv2.copyMakeBorder(values, _BORDER, _BORDER, _BORDER, _BORDER, cv2.BORDER_REPLICATE)
    return np.asarray(grown, np.float32).ravel()


def _steps(vectors: NDArray[np.float32], width: int) -> NDArray[np.intp]:
    """How far away the pixels nearest to the tips of (2, n) vectors of rows and columns are, read line by line."""
    rows, columns = np.rint(vectors).astype(np.intp)
    away: NDArray[np.intp] = rows * width + columns
    return away


def _letter_density(luminance: NDArray[np.float32], region: Mask) -> float:
    """Connected pieces that could be letters, lighter or darker than their surroundings, per 50th of the context."""
    letters = 0
    for contrast in (luminance - dilated(eroded(luminance)), eroded(dilated(luminance)) - luminance):
        standing_out = contrast > _LETTER_CONTRAST
        # With 16 bits, which number more pieces than the context has room for, OpenCV is more than twice as fast.
        _, _, pieces, _ = cv2.connectedComponentsWithStats(
            (standing_out & region).view(np.uint8), connectivity=8, ltype=cv2.CV_16U
        )
        width, height, area = pieces[1:, 2], pieces[1:, 3], pieces[1:, 4]
        fitting = [
            (values >= low) & (values <= high)
            for values, (low, high) in (
                (width, _LETTER_WIDTH),
                (height, _LETTER_HEIGHT),
                (area, _LETTER_AREA),
                (area / np.maximum(width * height, 1), _LETTER_FILL),
            )
        ]
        letters += int(np.logical_and.reduce(fitting).sum())
    return letters / (50 * max(cv2.countNonZero(region.view(np.uint8)) / region.size, 0.02))


def eroded(luminance: NDArray[np.float32]) -> NDArray[np.float32]:
    """The darkest of the ellipse about each pixel."""
    oblong = cv2.erode(cv2.erode(luminance, _OBLONG), _CROSS)
    return np.asarray(cv2.min(oblong, cv2.erode(luminance, _LINE)), np.float32)


def dilated(luminance: NDArray[np.float32]) -> NDArray[np.float32]:
    """The lightest of the ellipse about each pixel."""
    oblong = cv2.dilate(cv2.dilate(luminance, _OBLONG), _CROSS)
    return np.asarray(cv2.max(oblong, cv2.dilate(luminance, _LINE)), np.float32)


def _shrunk(mask: Mask, size: int) -> Mask:
    """The mask without its outermost pixels."""
    return cv2.erode(mask.view(np.uint8), np.ones((size, size), np.uint8)).view(np.bool_)
