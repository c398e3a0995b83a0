"""Each measure answers to its own degradation of real faces, step by step, and hardly to that of the others."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from estimators.face import FaceFitter
from estimators.iris import eye_crops, openness
from estimators.quality.framing import largest_rotation
from estimators.quality.thresholds import THRESHOLDS
from estimators.quality.view import FaceView
from models import Model
from schemas.attributes import ANGLES, BOX, KEYPOINTS
from training.degradations import STEPS, TRIALS, frontal_faces, turned, with_closing_eyes
from training.faces import Face, largest_face

Image = NDArray[np.uint8]

# How far, in native units, a single face may go the other way in one step.
_SLACK = {
    "sharpness": 0.002,
    "illumination": 0.02,
    "flare": 0.002,
    "noise": 0.0,
    "dynamic range": 0.0,
    "background": 0.3,
    "watermark": 0.25,
    "margins": 0.0,
}


@pytest.fixture(scope="module")
def fitter(models_for: Callable[..., Mapping[str, tuple[Model, ...]]]) -> FaceFitter:
    return FaceFitter(models_for("face-detection", "face-landmarks"))


@pytest.fixture(scope="module")
def faces(fitter: FaceFitter, data: Callable[[str], Path], astronaut: Image) -> list[Face]:
    """Faces that look at the camera, and the astronaut's."""
    folders = [data(task) for task in ("verification", "age_gender", "photos")]
    portrait = largest_face(fitter, astronaut)
    assert portrait is not None
    found = [portrait, *frontal_faces(fitter, folders[0].parent)]
    assert len(found) >= 12
    return found


@pytest.fixture(scope="module")
def courses(faces: list[Face]) -> dict[str, list[list[FaceView]]]:
    """Of each trial the views of each face, step by step."""
    return {
        name: [[trial.degraded(face, step).view() for step in STEPS] for face in faces]
        for name, trial in TRIALS.items()
    }


@pytest.mark.parametrize("name", TRIALS)
def test_a_measure_follows_its_own_degradation(name: str, courses: dict[str, list[list[FaceView]]]) -> None:
    trial = TRIALS[name]
    values = trial.sign * np.array([[trial.measure(view) for view in views] for views in courses[name]])
    changes = np.diff(values, axis=1)
    assert (np.diff(values.mean(0)) > 0).all(), values.mean(0)
    assert (changes >= -_SLACK[name]).all(1).mean() >= 0.9, changes.round(3)


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
    acceptable, half_way = TRIALS[name].acceptable, len(STEPS) // 2
    for other in _INDEPENDENT[name]:
        kept = [acceptable(views[half_way]) for views in courses[other] if acceptable(views[0])]
        assert np.mean(kept) >= 0.8, (other, np.mean(kept))


def test_the_deviation_grows_as_the_photo_is_turned(fitter: FaceFitter, faces: list[Face]) -> None:
    deviations = []
    for face in faces[:12]:
        row = []
        for degrees in (0, 15, 30, 45):
            fitted = max(
                fitter.detect([turned(face, degrees)])[0], key=lambda found: found[BOX].right - found[BOX].left
            )
            row.append(abs(largest_rotation(fitted[ANGLES], THRESHOLDS.pitch_offset)))
        deviations.append(row)
    values = np.array(deviations)
    assert (np.diff(values.mean(0)) > 0).all(), values.mean(0)
    assert (np.diff(values, axis=1) >= -3).all(1).mean() >= 0.9, values.round(1)
    assert (values[:, -1] > THRESHOLDS.rotation).mean() >= 0.75


def test_openness_falls_as_eyes_close(
    faces: list[Face], models_for: Callable[..., Mapping[str, tuple[Model, ...]]]
) -> None:
    iris = models_for("iris")["iris"][0]
    crops = [
        eye_crops(with_closing_eyes(face, step).image, face.attributes[KEYPOINTS]) for face in faces for step in STEPS
    ]
    values = openness(iris, crops).mean(1).reshape(len(faces), len(STEPS))
    assert (np.diff(values.mean(0)) < 0).all(), values.mean(0)
    assert (np.diff(values, axis=1) <= 0.02).all(1).mean() >= 0.9, values.round(3)
