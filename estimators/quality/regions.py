"""Parts of the face and of what is around it, as masks that follow the key points."""

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.attributes import KEYPOINT_NAMES

FACE_SIZE = 192  # pixels, both sides of the aligned face
CONTEXT_SIZE = 260  # pixels, both sides of the wider crop

Mask = NDArray[np.bool_]
Points = NDArray[np.float64]  # (21, 2), in the order of KEYPOINT_NAMES

_AT = {name: index for index, name in enumerate(KEYPOINT_NAMES)}
_BROWS = [index for name, index in _AT.items() if "brow" in name]
_JAW = [_AT["left_ear_bottom"], _AT["chin"], _AT["right_ear_bottom"]]
_EYES = ((_AT["left_eye_left"], _AT["left_eye_right"]), (_AT["right_eye_left"], _AT["right_eye_right"]))
_MOUTH = (_AT["mouth_left"], _AT["mouth_right"])

_FAR = 4096.0  # pixels: further than any crop


def face_oval(points: Points) -> Mask:
    """The face from just above the brows to the chin, (192, 192)."""
    lift = np.array([0.0, 0.15 * eyes_apart(points)])
    return _filled(np.concatenate([points[_BROWS] - lift, points[_JAW]]), FACE_SIZE)


def skin(points: Points, oval: Mask) -> Mask:
    """The ``face_oval`` without brows, eyes and mouth, (192, 192)."""
    apart = eyes_apart(points)
    holes = np.zeros((FACE_SIZE, FACE_SIZE), np.uint8)
    for corners in _EYES:
        _fill_ellipse(holes, points[list(corners)], 0.28 * apart)
    _fill_ellipse(holes, points[list(_MOUTH)], 0.30 * apart)
    brows = points[_BROWS].round().astype(np.int32)
    cv2.polylines(holes, [brows[:3], brows[3:]], isClosed=False, color=1, thickness=int(0.2 * apart) + 1)
    bare: Mask = oval & (holes == 0)
    return bare


def cheeks(points: Points) -> tuple[Mask, Mask]:
    """Image-left and image-right cheek, between eye, nose, mouth and ear, (192, 192) each."""
    below_eyes = np.array([0.0, 0.22 * eyes_apart(points)])
    masks = []
    for side in ("left", "right"):
        corners = [
            points[_AT[f"{side}_eye_left"]] + below_eyes,
            points[_AT[f"{side}_eye_right"]] + below_eyes,
            points[_AT[f"nose_{side}"]],
            points[_AT[f"mouth_{side}"]],
            points[_AT[f"{side}_ear_bottom"]],
        ]
        masks.append(_filled(np.array(corners), FACE_SIZE))
    return masks[0], masks[1]


def background(points: Points, inside: Mask) -> Mask:
    """What is neither head nor shoulders nor outside the photo, (260, 260) of the context; ``inside`` is where it
    shows the photo.

    The head is an ellipse about the eyes that has room for hair; what is below the chin may be shoulders.
    """
    eyes = (points[_AT["left_eye"]] + points[_AT["right_eye"]]) / 2
    chin = points[_AT["chin"]]
    length = max(float(np.linalg.norm(chin - eyes)), 1.0)
    head = np.zeros((CONTEXT_SIZE, CONTEXT_SIZE), np.uint8)
    tilt = float(np.degrees(np.arctan2(*(eyes - chin))))  # of the way from chin to eyes, from straight down
    cv2.ellipse(head, _pixel(eyes), _axes(length, 1.4 * length), -tilt, 0, 360, 1, -1)
    free: Mask = (head == 0) & inside
    free[int(np.clip(chin[1] - 0.3 * length, 0, CONTEXT_SIZE)) :] = False
    return free


def eyes_apart(points: Points) -> float:
    """The distance between the eye centres, at least one pixel."""
    return max(float(np.linalg.norm(points[_AT["left_eye"]] - points[_AT["right_eye"]])), 1.0)


def _filled(corners: Points, size: int) -> Mask:
    """The convex hull of the corners, (size, size)."""
    canvas = np.zeros((size, size), np.uint8)
    hull = cv2.convexHull(np.clip(corners, -size, 2 * size).round().astype(np.int32))
    cv2.fillConvexPoly(canvas, hull, 1)
    return canvas.view(np.bool_)


def _fill_ellipse(canvas: NDArray[np.uint8], ends: Points, height: float) -> None:
    """Sets the ellipse that spans from one end to the other, somewhat beyond, to 1."""
    width = max(float(np.linalg.norm(ends[1] - ends[0])), 1.0)
    tilt = float(np.degrees(np.arctan2(*(ends[1] - ends[0])[::-1])))
    cv2.ellipse(canvas, _pixel(ends.mean(0)), _axes(0.65 * width + 1, height + 1), tilt, 0, 360, 1, -1)


def _axes(across: float, down: float) -> tuple[int, int]:
    """Half axes of an ellipse, kept in reach of what OpenCV can draw."""
    return int(min(across, _FAR)), int(min(down, _FAR))


def _pixel(point: NDArray[np.float64]) -> tuple[int, int]:
    """The nearest pixel, kept in reach of what OpenCV can draw."""
    x, y = np.clip(point, -_FAR, _FAR).round().astype(int)
    return int(x), int(y)
