"""Each measure answers to its own degradation of real faces, step by step, and hardly to that of the others."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from estimators.face import FaceFitter
from estimators.geometry import pixel_points
from estimators.iris import eye_crops, openness
from estimators.quality.background import background_gradient
from estimators.quality.exposure import dynamic_range, glare, illumination_uniformity
from estimators.quality.focus import noise, sharpness
from estimators.quality.framing import eyes_to_chin, largest_rotation, margins
from estimators.quality.regions import cheeks
from estimators.quality.thresholds import THRESHOLDS
from estimators.quality.view import FaceView, face_view
from estimators.quality.watermark import watermark_odds
from models import Model
from schemas.attributes import ANGLES, BOX, KEYPOINT_NAMES, KEYPOINTS, Attributes, Box, Point

Image = NDArray[np.uint8]
Array = NDArray[np.float64]

_AT = {name: index for index, name in enumerate(KEYPOINT_NAMES)}
_STEPS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # of the strongest degradation
_LONGEST = 640  # pixels: larger photos are shrunk, to save time


class Face(NamedTuple):
    image: Image
    attributes: Attributes

    @property
    def points(self) -> Array:
        """(21, 2) in pixels."""
        return pixel_points(self.attributes[KEYPOINTS], self.image)

    @property
    def eyes(self) -> Array:
        """The eye centres, (2, 2) in pixels."""
        return self.points[[_AT["left_eye"], _AT["right_eye"]]]

    @property
    def apart(self) -> float:
        """Pixels between the eyes."""
        return float(np.linalg.norm(self.eyes[0] - self.eyes[1]))

    def view(self) -> FaceView:
        return face_view(self.image, self.attributes)


@pytest.fixture(scope="module")
def fitter(models_for: Callable[..., Mapping[str, tuple[Model, ...]]]) -> FaceFitter:
    return FaceFitter(models_for("face-detection", "face-landmarks"))


@pytest.fixture(scope="module")
def faces(fitter: FaceFitter, data: Callable[[str], Path], astronaut: Image) -> list[Face]:
    """Faces that look at the camera, from press photos, studio portraits and snapshots, and the astronaut's."""
    paths = [
        path
        for folder, pattern, stride, most in (
            ("verification", "*_0001.jpg", 90, 12),
            ("age_gender", "*A[2-5]?.jpg", 45, 6),
            ("photos", "00*.jpg", 2, 4),
        )
        for path in sorted((data(folder) / "images").glob(pattern))[::stride][:most]
    ]
    found = []
    for image in (astronaut, *map(_read, paths)):
        fitted = [face for face in fitter.detect([image])[0] if KEYPOINTS in face]
        if fitted:
            largest = max(fitted, key=lambda face: face[BOX].right - face[BOX].left)
            if abs(largest[ANGLES].yaw) < 15:
                found.append(Face(image, largest))
    assert len(found) >= 12
    return found


def _read(path: Path) -> Image:
    image = cv2.imread(str(path))
    assert image is not None
    zoom = min(1.0, _LONGEST / max(image.shape))
    shrunk = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(shrunk[..., ::-1], np.uint8)


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


class Trial(NamedTuple):
    """A degradation, the measure that must answer to it, and how."""

    degraded: Callable[[Face, float], Face]
    measure: Callable[[FaceView], float]
    sign: int  # +1 where the native value rises
    slack: float  # how far, in native units, a single face may go the other way in one step
    acceptable: Callable[[FaceView], bool]


def _accepted(name: str, measure: Callable[[FaceView], float]) -> Callable[[FaceView], bool]:
    scale = getattr(THRESHOLDS, name)
    return lambda view: bool(scale.accepts(scale.score(measure(view))))


def _missing(view: FaceView) -> float:
    return sum(margins(view.points, view.size)) / eyes_to_chin(view.points)


TRIALS = {
    "sharpness": Trial(blurred, sharpness, -1, 0.002, _accepted("sharpness", sharpness)),
    "illumination": Trial(
        lit_from_the_side, illumination_uniformity, -1, 0.02, _accepted("illumination", illumination_uniformity)
    ),
    "flare": Trial(with_hot_spot, glare, 1, 0.002, _accepted("flare", glare)),
    "noise": Trial(with_noise, noise, 1, 0.0, _accepted("noise", noise)),
    "dynamic range": Trial(
        with_less_contrast, dynamic_range, -1, 0.0, lambda view: dynamic_range(view) > THRESHOLDS.dynamic_range
    ),
    "background": Trial(before_clutter, background_gradient, 1, 0.3, _accepted("background", background_gradient)),
    "watermark": Trial(
        with_text, watermark_odds, 1, 0.25, lambda view: watermark_odds(view) < THRESHOLDS.watermark.middle
    ),
    "margins": Trial(cropped, _missing, 1, 0.0, lambda view: _missing(view) <= THRESHOLDS.inner_margin),
}


@pytest.fixture(scope="module")
def courses(faces: list[Face]) -> dict[str, list[list[FaceView]]]:
    """Of each trial the views of each face, step by step."""
    return {
        name: [[trial.degraded(face, step).view() for step in _STEPS] for face in faces]
        for name, trial in TRIALS.items()
    }


@pytest.mark.parametrize("name", TRIALS)
def test_a_measure_follows_its_own_degradation(name: str, courses: dict[str, list[list[FaceView]]]) -> None:
    trial = TRIALS[name]
    values = trial.sign * np.array([[trial.measure(view) for view in views] for views in courses[name]])
    changes = np.diff(values, axis=1)
    assert (np.diff(values.mean(0)) > 0).all(), values.mean(0)
    assert (changes >= -trial.slack).all(1).mean() >= 0.9, changes.round(3)


@pytest.mark.parametrize("name", TRIALS)
def test_a_strong_degradation_turns_the_verdict(name: str, courses: dict[str, list[list[FaceView]]]) -> None:
    verdicts = np.array(
        [[TRIALS[name].acceptable(views[0]), TRIALS[name].acceptable(views[-1])] for views in courses[name]]
    )
    before, after = verdicts.mean(0)
    assert before >= (0.4 if name == "margins" else 0.85)  # a third of the photos are tight portraits
    assert after <= 0.1


# Which degradations, half way to the strongest, leave which verdicts alone. Light and contrast belong together, and so
# do blur and noise with everything that looks at detail; the others must not be mistaken for each other.
_INDEPENDENT = {
    "sharpness": ("noise", "illumination", "dynamic range", "background", "margins"),
    "illumination": ("sharpness", "noise", "background", "watermark"),
    "flare": ("sharpness", "noise", "illumination", "dynamic range", "background", "watermark"),
    "noise": ("sharpness", "illumination", "flare", "dynamic range", "background", "margins"),
    "dynamic range": ("background", "margins"),
    "watermark": ("sharpness", "illumination", "flare", "background"),
}


@pytest.mark.parametrize("name", _INDEPENDENT)
def test_a_measure_is_not_moved_by_the_degradations_of_others(
    name: str, courses: dict[str, list[list[FaceView]]]
) -> None:
    acceptable, half_way = TRIALS[name].acceptable, len(_STEPS) // 2
    for other in _INDEPENDENT[name]:
        kept = [acceptable(views[half_way]) for views in courses[other] if acceptable(views[0])]
        assert np.mean(kept) >= 0.8, (other, np.mean(kept))


def test_the_deviation_grows_as_the_photo_is_turned(fitter: FaceFitter, faces: list[Face]) -> None:
    deviations = []
    for face in faces[:12]:
        row = []
        for degrees in (0, 15, 30, 45):
            turned = _turned(face, degrees)
            fitted = max(fitter.detect([turned])[0], key=lambda found: found[BOX].right - found[BOX].left)
            row.append(abs(largest_rotation(fitted[ANGLES], THRESHOLDS.pitch_offset)))
        deviations.append(row)
    values = np.array(deviations)
    assert (np.diff(values.mean(0)) > 0).all(), values.mean(0)
    assert (np.diff(values, axis=1) >= -3).all(1).mean() >= 0.9, values.round(1)
    assert (values[:, -1] > THRESHOLDS.rotation).all()


def _turned(face: Face, degrees: float) -> Image:
    x, y = face.eyes.mean(0).tolist()
    matrix = cv2.getRotationMatrix2D((x, y), degrees, 1.0)
    size = (face.image.shape[1], face.image.shape[0])
    return np.asarray(cv2.warpAffine(face.image, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def test_openness_falls_as_eyes_close(
    faces: list[Face], models_for: Callable[..., Mapping[str, tuple[Model, ...]]]
) -> None:
    iris = models_for("iris")["iris"][0]
    crops = [
        eye_crops(with_closing_eyes(face, step).image, face.attributes[KEYPOINTS]) for face in faces for step in _STEPS
    ]
    values = openness(iris, crops).mean(1).reshape(len(faces), len(_STEPS))
    assert (np.diff(values.mean(0)) < 0).all(), values.mean(0)
    assert (np.diff(values, axis=1) <= 0.02).all(1).mean() >= 0.9, values.round(3)
