"""Degradations of photographs, step by step from none to strong, and which quality measure must answer to each."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from estimators.face import FaceFitter
from estimators.quality.background import background_gradient
from estimators.quality.exposure import dynamic_range, glare, illumination_uniformity
from estimators.quality.focus import noise, sharpness
from estimators.quality.framing import eyes_to_chin, margins
from estimators.quality.regions import cheeks
from estimators.quality.thresholds import THRESHOLDS
from estimators.quality.view import FaceView
from estimators.quality.watermark import watermark_odds
from schemas.attributes import ANGLES, BOX, KEYPOINT_NAMES, KEYPOINTS, Attributes, Box, Point
from training.faces import Face, largest_faces

STEPS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # of the strongest degradation

_AT = {name: index for index, name in enumerate(KEYPOINT_NAMES)}
_FRONTAL = 15.0  # degrees of yaw, at most


def frontal_faces(fitter: FaceFitter, data: Path) -> Iterator[Face]:
    """Faces that look at the camera, from press photos, studio portraits and snapshots, 22 at most."""
    paths = [
        path
        for folder, pattern, stride, most in (
            ("verification", "*_0001.jpg", 90, 12),
            ("age_gender", "*A[2-5]?.jpg", 45, 6),
            ("photos", "00*.jpg", 2, 4),
        )
        for path in sorted((data / folder / "images").glob(pattern))[::stride][:most]
    ]
    return (face for _, face in largest_faces(fitter, paths) if abs(face.attributes[ANGLES].yaw) < _FRONTAL)


def _clipped(values: NDArray[np.floating]) -> Image:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def blurred(face: Face, step: float) -> Face:
    """Out of focus: a Gaussian of up to 0.1 of the distance between the eyes."""
    sigma = 0.1 * step * face.apart
    image = cv2.GaussianBlur(face.image, (0, 0), sigma) if sigma else face.image
    return face._replace(image=np.asarray(image, np.uint8))


def lit_from_the_side(face: Face, step: float) -> Face:
    """Light that falls off across the face, to a twentieth; to the side that is darker already."""
    points = face.points
    left, right = points[_AT["left_ear_bottom"], 0], points[_AT["right_ear_bottom"], 0]
    across = np.clip((np.arange(face.image.shape[1]) - left) / max(right - left, 1), 0, 1)
    view = face.view()
    left_level, right_level = (np.median(view.face[cheek]) for cheek in cheeks(view.face_points))
    fall = across if right_level < left_level else 1 - across
    return face._replace(image=_clipped(face.image * (1 - 0.95 * step * fall)[None, :, None]))


def with_hot_spot(face: Face, step: float) -> Face:
    """A white, soft spot on the bridge of the nose and beside it, growing to the distance between the eyes."""
    if not step:
        return face
    points = face.points
    x, y = (face.eyes.mean(0) + points[_AT["nose"]]) / 2
    rows, columns = np.indices(face.image.shape[:2])
    distance = np.hypot(columns - x, rows - y) / (0.5 * step * face.apart)
    spot = np.clip(1.5 - distance, 0, 1)[..., None]
    return face._replace(image=_clipped(face.image + (255.0 - face.image) * spot))


def with_noise(face: Face, step: float) -> Face:
    """White noise with a standard deviation of up to 25 grey levels."""
    grain = np.random.default_rng(0).normal(0, 25, face.image.shape)
    return face._replace(image=_clipped(face.image + step * grain))


def with_less_contrast(face: Face, step: float) -> Face:
    """Grey levels drawn towards their mean, to a quarter of their range."""
    mean = face.image.mean()
    return face._replace(image=_clipped(mean + (face.image - mean) * (1 - 0.75 * step)))


def before_clutter(face: Face, step: float) -> Face:
    """A plain backdrop, and on it coloured rectangles, more and more opaque."""
    random = np.random.default_rng(1)
    height, width = face.image.shape[:2]
    clutter = np.zeros_like(face.image)
    for _ in range(400):
        x, y = random.integers(0, (width, height)).tolist()
        across, down = (random.uniform(0.2, 1.0, 2) * face.apart).astype(int).tolist()
        cv2.rectangle(clutter, (x, y), (x + across, y + down), random.integers(0, 256, 3).tolist(), -1)
    x, y = face.eyes.mean(0).astype(int).tolist()
    length = eyes_to_chin(face.points)
    head = np.zeros((height, width), np.uint8)
    cv2.ellipse(head, (x, y), (int(0.9 * length), int(1.3 * length)), 0, 0, 360, 1, -1)
    head[int(y + length) :] = 1
    backdrop = 170 + step * (clutter.astype(float) - 170)
    return face._replace(image=np.where(head[..., None] > 0, face.image, _clipped(backdrop)))


def with_text(face: Face, step: float) -> Face:
    """Lines of white text across the photo, more and more opaque."""
    text = np.zeros(face.image.shape[:2], np.uint8)
    scale = face.apart / 80
    for row, y in enumerate(np.arange(face.apart / 3, face.image.shape[0], 0.6 * face.apart)):
        start = (-int(row * 0.7 * face.apart) % 60 - 60, int(y))
        cv2.putText(text, "SAMPLE " * 20, start, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, max(round(2 * scale), 1))
    opacity = 0.5 * step * text[..., None] / 255
    return face._replace(image=_clipped(face.image + (255.0 - face.image) * opacity))


def cropped(face: Face, step: float) -> Face:
    """Ever less of what is around the face, until a part of the head is lost."""
    middle, length = face.eyes.mean(0), eyes_to_chin(face.points)
    room = 1.6 - 1.1 * step
    height, width = face.image.shape[:2]
    left, right = (int(np.clip(middle[0] + way * room * length, 0, width)) for way in (-1, 1))
    top, bottom = (int(np.clip(middle[1] + way * room * length, 0, height)) for way in (-1.0, 1.2))
    return Face(face.image[top:bottom, left:right], _moved(face, (left, top), (right - left, bottom - top)))


def _moved(face: Face, origin: tuple[int, int], size: tuple[int, int]) -> Attributes:
    """The attributes of the face in the part of the image that begins at ``origin``."""
    height, width = face.image.shape[:2]
    box = face.attributes[BOX]
    corners = np.array([[box.left, box.top], [box.right, box.bottom], *face.attributes[KEYPOINTS]])
    moved = (corners * (width, height) - origin) / size
    return face.attributes | {
        BOX: Box(*moved[:2].ravel().tolist()),
        KEYPOINTS: tuple(Point(x, y) for x, y in moved[2:].tolist()),
    }


def with_closing_eyes(face: Face, step: float) -> Face:
    """The upper lids drawn down to the lower ones: what lies above those is pressed together, to a tenth."""
    rows, columns = np.indices(face.image.shape[:2]).astype(np.float32)
    for side in ("left", "right"):
        ends = face.points[[_AT[f"{side}_eye_left"], _AT[f"{side}_eye_right"]]]
        width = float(np.linalg.norm(ends[1] - ends[0]))
        along = (ends[1] - ends[0]) / width
        up = np.array([along[1], -along[0]])
        lower_lid = ends.mean(0) - 0.1 * width * up
        offset = np.stack([columns, rows], axis=-1) - lower_lid
        above, beside = offset @ up, offset @ along
        open_eye, brow = 0.35 * width, 0.8 * width
        source = np.interp(above, [0, open_eye * (1 - 0.9 * step), brow], [0, open_eye, brow])
        fade = np.clip((0.85 * width - np.abs(beside)) / (0.3 * width), 0, 1)
        shift = np.where((above > 0) & (above < brow), (source - above) * fade, 0)
        columns, rows = columns + (shift * up[0]).astype(np.float32), rows + (shift * up[1]).astype(np.float32)
    return face._replace(
        image=np.asarray(cv2.remap(face.image, np.asarray(columns), np.asarray(rows), cv2.INTER_LINEAR), np.uint8)
    )


def shrunk(face: Face, step: float) -> Face:
    """Taken from further away: down to a seventh of the resolution."""
    zoom = 1 / (1 + 6 * step)
    image = cv2.resize(face.image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA) if step else face.image
    return face._replace(image=np.asarray(image, np.uint8))


def covered(face: Face, step: float) -> Face:
    """A light blue cloth that rises from below the chin to half way between nose and eyes."""
    if not step:
        return face
    points, chin = face.points, face.points[_AT["chin"]]
    up = face.eyes.mean(0) - chin
    rise = step * float(np.dot((face.eyes.mean(0) + points[_AT["nose"]]) / 2 - chin, up)) / float(up @ up)
    jaw = points[[_AT["left_ear_bottom"], _AT["right_ear_bottom"]]]
    corners = np.concatenate(
        [jaw, jaw + 0.5 * (chin - jaw) - 0.1 * up, [chin - 0.15 * up, points[_AT["nose"]]], face.eyes]
    )
    hull = np.zeros(face.image.shape[:2], np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(corners.round().astype(np.int32)), 1)
    rows, columns = np.indices(hull.shape)
    height = (np.stack([columns, rows], axis=-1) - chin) @ up / float(up @ up)
    cloth = (hull > 0) & (height < rise)
    return face._replace(image=np.where(cloth[..., None], np.array([150, 190, 215], np.uint8), face.image))


def turned(face: Face, degrees: float) -> Image:
    """The photograph turned about the eyes, its border drawn out."""
    x, y = face.eyes.mean(0).tolist()
    matrix = cv2.getRotationMatrix2D((x, y), degrees, 1.0)
    size = (face.image.shape[1], face.image.shape[0])
    return np.asarray(cv2.warpAffine(face.image, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


class Trial(NamedTuple):
    """A degradation, the measure that must answer to it, and how."""

    degraded: Callable[[Face, float], Face]
    measure: Callable[[FaceView], float]
    sign: int  # +1 where the native value rises
    acceptable: Callable[[FaceView], bool]


def _accepted(name: str, measure: Callable[[FaceView], float]) -> Callable[[FaceView], bool]:
    scale = getattr(THRESHOLDS, name)
    return lambda view: bool(scale.accepts(scale.score(measure(view))))


def _missing(view: FaceView) -> float:
    return sum(margins(view.points, view.size)) / eyes_to_chin(view.points)


TRIALS = {
    "sharpness": Trial(blurred, sharpness, -1, _accepted("sharpness", sharpness)),
    "illumination": Trial(
        lit_from_the_side, illumination_uniformity, -1, _accepted("illumination", illumination_uniformity)
    ),
    "flare": Trial(with_hot_spot, glare, 1, _accepted("flare", glare)),
    "noise": Trial(with_noise, noise, 1, _accepted("noise", noise)),
    "dynamic range": Trial(
        with_less_contrast, dynamic_range, -1, lambda view: dynamic_range(view) > THRESHOLDS.dynamic_range
    ),
    "background": Trial(before_clutter, background_gradient, 1, _accepted("background", background_gradient)),
    "watermark": Trial(with_text, watermark_odds, 1, lambda view: watermark_odds(view) < THRESHOLDS.watermark.middle),
    "margins": Trial(cropped, _missing, 1, lambda view: _missing(view) <= THRESHOLDS.inner_margin),
}


# Which degradation shows what a part of the total score costs: see ``estimators/quality/total.py``.
HARMS: dict[str, Callable[[Face, float], Face]] = {
    "sharpness": blurred,
    "illumination": lit_from_the_side,
    "flare": with_hot_spot,
    "noise": with_noise,
    "dynamic_range": with_less_contrast,
    "watermark": with_text,
    "openness": with_closing_eyes,
    "not_masked": covered,
    "eyes_distance": shrunk,
    "cut_off": cropped,
}
