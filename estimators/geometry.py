"""Cutting faces and bodies out of images: crops, similarity alignment, and warps that do not alias.

Matrices are (2, 3) float64 and map source pixels to crop pixels. Pixel coordinates put the centre of the top-left
pixel at (0, 0), as OpenCV does; fractions of the image put the image's top-left corner at (0, 0), so that
pixel = fraction * side - 0.5.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.attributes import KEYPOINT_NAMES, Box, Point

Image = NDArray[np.uint8]  # (height, width, 3), RGB
Matrix = NDArray[np.float64]  # (2, 3)
T = TypeVar("T")

# The ArcFace five-point template on a 112 x 112 canvas: image-left eye, image-right eye, nose tip, image-left and
# image-right corner of the mouth. Source: the alignment that the recognition models here were trained with.
ARCFACE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])

# No crop is larger or farther away than this, pixels: a box or a point may be any finite number.
_FAR = 1e9

_FIVE = [KEYPOINT_NAMES.index(name) for name in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")]


class Photo:
    """An image, and what was cut from it so far: two estimators that look at the same part of a face share one crop."""

    __slots__ = ("_cuts", "image")

    def __init__(self, image: Image) -> None:
        self.image = image
        self._cuts: dict[Hashable, Any] = {}

    def once(self, key: Hashable, cut: Callable[[Image], T]) -> T:
        """What ``cut`` makes of the image; the first result for a ``key`` stands for all that follow."""
        if key not in self._cuts:
            self._cuts[key] = cut(self.image)
        found: T = self._cuts[key]
        return found


def pixel_points(points: "tuple[Point, ...]", image: Image) -> NDArray[np.float64]:
    """The (n, 2) pixel positions of points given as fractions of the image."""
    with np.errstate(over="ignore"):
        return np.clip(np.asarray(points, np.float64) * image.shape[1::-1] - 0.5, -_FAR, _FAR)


def five_points(keypoints: "tuple[Point, ...]", image: Image) -> NDArray[np.float64]:
    """Eyes, nose and mouth corners of the 21-point set, (5, 2) in pixels, in the order of ``ARCFACE``."""
    return pixel_points(tuple(keypoints[index] for index in _FIVE), image)


def square_matrix(image: Image, box: Box, scale: float, size: int) -> Matrix:
    """Maps a square about the box's centre, ``scale`` times its longer side, onto ``size`` x ``size`` pixels."""
    height, width = image.shape[:2]
    side = scale * max(box.width * width, box.height * height)
    zoom = size / min(max(side, 1e-6), _FAR)
    centre = np.clip([(box.left + box.right) * width / 2, (box.top + box.bottom) * height / 2], -_FAR, _FAR)
    return np.column_stack([zoom * np.eye(2), size / 2 - 0.5 - zoom * (centre - 0.5)])


def square_crop(image: Image, box: Box, scale: float, size: int) -> Image:
    """The square about the box's centre, ``scale`` times its longer side, at ``size`` x ``size``; black outside."""
    return warped(image, square_matrix(image, box, scale, size), size)


def similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> Matrix:
    """The rotation, scale and shift that take ``source`` to ``target``, (n, 2) each, with the least squared error.

    Closed form of Umeyama (1991), "Least-squares estimation of transformation parameters", for the plane without
    reflection.
    """
    source_mean, target_mean = source.sum(0) / len(source), target.sum(0) / len(target)
    a, b = source - source_mean, target - target_mean
    norm = max(float((a * a).sum()), 1e-12)
    cosine, sine = float((a * b).sum()) / norm, float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / norm
    matrix = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0]])
    matrix[:, 2] = target_mean - matrix[:, :2] @ source_mean
    return matrix


def aligned(image: Image, points: NDArray[np.float64], size: int = 112, zoom_out: float = 1.0) -> Image:
    """The face with its five ``points`` (pixels) brought onto the ArcFace template, at ``size`` x ``size``.

    ``zoom_out`` above 1 shows more of what is around the face.
    """
    template = ((ARCFACE / 112 - 0.5) / zoom_out + 0.5) * size
    return warped(image, similarity(points, template), size)


def warped(image: Image, matrix: Matrix, size: int) -> Image:
    """The image under ``matrix``, cut to ``size`` x ``size``; black outside the image.

    A warp that shrinks samples few of the pixels; one that shrinks to less than half first averages whole blocks of
    pixels, so that large faces give the same crops as small ones. Black does not bleed into the image: its outermost
    pixels reach to its very edge. A warp that flattens the plane, as of points that all coincide, shows only black.
    """
    (a, b, _), (c, d, _) = matrix.tolist()
    zoom = math.sqrt(abs(a * d - b * c))
    if not zoom > 1e-9:
        return np.zeros((size, size, 3), np.uint8)
    shrink = int(1 / max(zoom, 1e-6) + 1e-9)
    if shrink >= 2:
        image, matrix = _reduced(image, matrix, size, shrink)
    warp = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    crop = np.asarray(warp, np.uint8)
    if not _lies_inside(image, matrix, size):
        crop[_outside(image, matrix, size)] = 0
    return crop


def planes(crops: Sequence[Image], channels: Sequence[int] = (0, 1, 2)) -> NDArray[np.float32]:
    """Crops of one size as a network takes them that wants whole channels: (n, channels, height, width) float32.

    ``channels`` says which, in which order: 2, 1, 0 gives BGR. Copying them one by one is several times faster than to
    exchange the axes of all, above all where a crop is a mirrored view.
    """
    batch = np.empty((len(crops), len(channels), *crops[0].shape[:2]), np.float32)
    for of_crop, crop in zip(batch, crops, strict=True):
        for plane, channel in zip(of_crop, channels, strict=True):
            plane[...] = crop[..., channel]
    return batch


def _lies_inside(image: Image, matrix: Matrix, size: int) -> bool:
    """Whether the centres of the crop's outermost pixels, and so all of it, show the image."""
    (a, b, x), (c, d, y) = matrix.tolist()
    scale, last = a * d - b * c, size - 1
    corners = [(u - x, v - y) for u in (0, last) for v in (0, last)]
    places = [((d * u - b * v) / scale, (a * v - c * u) / scale) for u, v in corners]
    height, width = image.shape[:2]
    return all(0 <= across <= width - 1 and 0 <= down <= height - 1 for across, down in places)


def _outside(image: Image, matrix: Matrix, size: int) -> NDArray[np.bool_]:
    """(size, size): which pixels of the crop lie outside the image."""
    inverse = np.linalg.inv(matrix[:, :2])
    steps, origin = np.arange(size), -inverse @ matrix[:, 2]
    beyond = np.zeros((size, size), np.bool_)
    for axis, side in enumerate(image.shape[1::-1]):
        seen = (inverse[axis, 0] * steps + origin[axis])[None, :] + (inverse[axis, 1] * steps)[:, None]
        beyond |= (seen < -0.5) | (seen > side - 0.5)
    return beyond


def _reduced(image: Image, matrix: Matrix, size: int, factor: int) -> tuple[Image, Matrix]:
    """The part of the image that the warp shows, ``factor`` times smaller, and the matrix for it."""
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]]) - 0.5
    seen = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    left, top = np.clip(np.floor(seen.min(0)) - factor, 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(seen.max(0)) + factor + 1, (left + 1, top + 1), (width, height)).astype(int)
    columns, rows = max(int(right - left) // factor, 1), max(int(bottom - top) // factor, 1)
    small = cv2.resize(image[top:bottom, left:right], (columns, rows), interpolation=cv2.INTER_AREA)
    zoom = np.array([(right - left) / columns, (bottom - top) / rows])
    linear = matrix[:, :2] * zoom
    shift = matrix[:, :2] @ (np.array([left, top]) + zoom / 2 - 0.5) + matrix[:, 2]
    return np.asarray(small, np.uint8), np.column_stack([linear, shift])
