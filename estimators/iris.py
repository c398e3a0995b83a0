"""How far each eye is open, from the contour that the iris network draws round it."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from estimators.geometry import pixel_points, similarity, warped
from models import Model, Session
from schemas.attributes import KEYPOINT_NAMES, Point

Image = NDArray[np.uint8]  # (height, width, 3), RGB

SIZE = 64  # pixels, both sides of the network's input

# MediaPipe iris (Apache-2.0): the crop is 2.3 times as wide as the eye, centred between its corners, level with them.
_WIDTH_OF_EYE = 2.3

# The corners of the image-left and of the image-right eye, left one first.
_CORNERS = [
    [KEYPOINT_NAMES.index(f"{eye}_left"), KEYPOINT_NAMES.index(f"{eye}_right")] for eye in ("left_eye", "right_eye")
]

# Points of the 71-point contour: the corners of the eye, and three pairs of upper and lower lid, one above the other.
_OUTER, _INNER = 0, 8
_LOWER, _UPPER = [3, 4, 5], [11, 12, 13]


def eye_crops(image: Image, keypoints: tuple[Point, ...]) -> NDArray[np.uint8]:
    """Image-left and image-right eye, (2, 64, 64, 3) RGB; the image-left one mirrored, as the network wants it."""
    points = pixel_points(keypoints, image)
    left, right = (_eye_crop(image, points[corners]) for corners in _CORNERS)
    return np.stack([left[:, ::-1], right])


def _eye_crop(image: Image, corners: NDArray[np.float64]) -> Image:
    half = SIZE / _WIDTH_OF_EYE / 2
    middle = SIZE / 2 - 0.5
    target = np.array([[middle - half, middle], [middle + half, middle]])
    return warped(image, similarity(corners, target), SIZE)


def openness(model: Model, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Height over width of each eye, (n, 2) of image-left and image-right, from n results of ``eye_crops``.

    About 0.3 to 0.5 for an open eye, below about 0.27 for a closed one.
    """
    if not crops:
        return np.zeros((0, 2))
    contours = _CONTOURS[model.architecture](model.run, np.concatenate(crops))
    height = np.linalg.norm(contours[:, _UPPER] - contours[:, _LOWER], axis=2).mean(1)
    width = np.linalg.norm(contours[:, _OUTER] - contours[:, _INNER], axis=1)
    ratio: NDArray[np.float64] = height / np.maximum(width, 1e-6)
    return ratio.reshape(-1, 2)


def _mediapipe_contours(run: Session, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(n, 71, 2) contour points in pixels of the (n, 64, 64, 3) RGB crops.

    The network answers 71 contour points of x, y, z in its first output, which in one export goes on with 5 points of
    the iris.
    """
    values = run(crops.astype(np.float32) / np.float32(255))[0].reshape(len(crops), -1)
    return values[:, : 71 * 3].reshape(len(crops), 71, 3)[..., :2].astype(np.float64)


_CONTOURS: Mapping[str, Callable[[Session, NDArray[np.uint8]], NDArray[np.float64]]] = {"iris": _mediapipe_contours}
