"""What the quality measures look at: a few crops and where the key points lie in them."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from estimators.geometry import ARCFACE, pixel_points, similarity, square_matrix, warped
from estimators.quality.regions import CONTEXT_SIZE, FACE_SIZE, Mask, Points, face_oval, skin
from schemas.attributes import ANGLES, BOX, KEYPOINT_NAMES, KEYPOINTS, Angles, Attributes

FACE_ZOOM_OUT = 1.25  # leaves the eyes 48 pixels apart and shows the face from forehead to chin
CONTEXT_SCALE = 2.0  # of the face box's longer side
NATIVE_SIZE = 256  # pixels, the largest side of the crop at the photo's own resolution

_TEMPLATE = ((ARCFACE / 112 - 0.5) / FACE_ZOOM_OUT + 0.5) * FACE_SIZE
_FIVE = [KEYPOINT_NAMES.index(name) for name in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")]


@dataclass(frozen=True, eq=False)
class FaceView:
    """Everything the measures need of one face. Crops are RGB uint8, points in pixels of the crop they belong to.

    What several measures look at is worked out once.
    """

    face: Image  # (192, 192, 3): aligned by eyes, nose and mouth
    face_points: Points
    context: Image  # (260, 260, 3): twice the face box, upright, black outside the photo
    context_points: Points
    context_inside: Mask  # (260, 260): where the context shows the photo
    native: Image  # (1..256, 1..256, 3): the middle of the face, pixel for pixel
    points: Points  # in pixels of the photo
    size: tuple[int, int]  # width and height of the photo
    angles: Angles

    @cached_property
    def face_luminance(self) -> NDArray[np.float32]:
        """(192, 192), see ``grey``."""
        return grey(self.face)

    @cached_property
    def context_luminance(self) -> NDArray[np.float32]:
        """(260, 260), see ``grey``."""
        return grey(self.context)

    @cached_property
    def oval(self) -> Mask:
        """The face from just above the brows to the chin, (192, 192)."""
        return face_oval(self.face_points)

    @cached_property
    def skin(self) -> Mask:
        """The oval without brows, eyes and mouth, (192, 192)."""
        return skin(self.face_points, self.oval)


def face_view(image: Image, attributes: Attributes) -> FaceView:
    """Cuts the crops of one face that has a box, key points and angles."""
    points = pixel_points(attributes[KEYPOINTS], image)
    to_face = similarity(points[_FIVE], _TEMPLATE)
    to_context = square_matrix(image, attributes[BOX], CONTEXT_SCALE, CONTEXT_SIZE)
    return FaceView(
        face=warped(image, to_face, FACE_SIZE),
        face_points=_mapped(points, to_face),
        context=warped(image, to_context, CONTEXT_SIZE),
        context_points=_mapped(points, to_context),
        context_inside=_inside(image, to_context),
        native=_native_crop(image, points),
        points=points,
        size=(image.shape[1], image.shape[0]),
        angles=attributes[ANGLES],
    )


def grey(image: Image) -> NDArray[np.float32]:
    """Luminance, (height, width) float32 in grey levels 0..255, after ITU-R BT.601."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)


def _mapped(points: Points, matrix: NDArray[np.float64]) -> Points:
    mapped: Points = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped


def _inside(image: Image, matrix: NDArray[np.float64]) -> Mask:
    """Where the context shows the photo; the outermost pixels do not count, as they are mixed with black."""
    corners = _mapped(np.array([[0.0, 0.0], [image.shape[1] - 1.0, image.shape[0] - 1.0]]), matrix)
    axis = np.arange(CONTEXT_SIZE)
    across, down = ((axis >= low + 1) & (axis <= high - 1) for low, high in corners.T)
    inside: Mask = down[:, None] & across[None, :]
    return inside


def _native_crop(image: Image, points: Points) -> Image:
    """A square as wide as the face, cut without resizing; the middle of it where the face is large."""
    middle = points[_FIVE].mean(0)
    half = min(max(float(np.ptp(points, axis=0).max()) / 2, 8.0), NATIVE_SIZE / 2)
    height, width = image.shape[:2]
    left, right = _span(middle[0], half, width)
    top, bottom = _span(middle[1], half, height)
    return np.ascontiguousarray(image[top:bottom, left:right])


def _span(middle: float, half: float, side: int) -> tuple[int, int]:
    """First and last + 1 of the pixels within ``half`` of ``middle``; at least one of those that exist."""
    first = int(np.clip(round(middle - half), 0, side - 1))
    return first, int(np.clip(round(middle + half), first + 1, side))
