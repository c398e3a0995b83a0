"""quality-assessment-estimator as a whole: real faces, real networks."""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from estimators.emotion import EmotionEstimator
from estimators.face import FaceFitter
from estimators.mask import MaskEstimator
from estimators.quality import QualityAssessmentEstimator
from models import Model
from schemas.attributes import ANGLES, BOX, KEYPOINTS, QUALITY, QUALITY_NAMES, Angles, Attributes, Box, Point

Image = NDArray[np.uint8]
ModelsFor = Callable[..., Mapping[str, tuple[Model, ...]]]
Quality = Mapping[str, float | bool]

_UNBOUNDED = {"max_rotation_deviation", "eyes_distance", "margin_outer_deviation", "margin_inner_deviation"}


@pytest.fixture(scope="module")
def fitter(models_for: ModelsFor) -> FaceFitter:
    return FaceFitter(models_for("face-detection", "face-landmarks"))


@pytest.fixture(scope="module")
def bare(models_for: ModelsFor) -> QualityAssessmentEstimator:
    """The estimator with only the networks that every installation has."""
    return QualityAssessmentEstimator(models_for("iris", "expression"))


@pytest.fixture(scope="module")
def full(models_for: ModelsFor) -> QualityAssessmentEstimator:
    return QualityAssessmentEstimator(models_for("iris", "expression", "mask", "face-quality"))


@pytest.fixture(scope="module")
def face(fitter: FaceFitter, astronaut: Image) -> Attributes:
    return fitter.detect([astronaut])[0][0]


def _assessed(estimator: QualityAssessmentEstimator, image: Image, face: Attributes) -> Quality:
    return estimator.estimate([estimator.view(image, face)])[0][QUALITY]


def _is_complete(quality: Quality) -> bool:
    """All values, in order, of the right types and in their ranges; points, pixels and degrees are whole."""
    numbers = {name: value for name, value in quality.items() if name.endswith(("_score", "_deviation", "_distance"))}
    scores = [value for name, value in numbers.items() if name not in _UNBOUNDED | {"dynamic_range_score"}]
    return (
        tuple(quality) == QUALITY_NAMES
        and all(type(value) is (float if name in numbers else bool) for name, value in quality.items())
        and bool(np.isfinite(list(numbers.values())).all())
        and all(0 <= score <= 1 for score in scores)
        and all(round(value, 0 if name in _UNBOUNDED else 2) == value for name, value in numbers.items())
        and 0 <= quality["dynamic_range_score"] <= 2.55
    )


def test_a_good_portrait_is_found_good_but_for_its_smile_and_size(
    bare: QualityAssessmentEstimator, astronaut: Image, face: Attributes
) -> None:
    quality = _assessed(bare, astronaut, face)
    assert _is_complete(quality)
    assert 0.8 <= quality["total_score"] <= 0.95
    verdicts = {name: value for name, value in quality.items() if isinstance(value, bool)}
    wrong = {name for name, value in verdicts.items() if value == (name == "has_watermark")}
    assert wrong == {"is_neutral_emotion", "is_eyes_distance_acceptable"}
    assert quality["eyes_distance"] == pytest.approx(44, abs=2)


def test_all_networks_agree_on_a_good_portrait(
    full: QualityAssessmentEstimator, bare: QualityAssessmentEstimator, astronaut: Image, face: Attributes
) -> None:
    quality, without = _assessed(full, astronaut, face), _assessed(bare, astronaut, face)
    assert _is_complete(quality)
    assert quality["total_score"] == pytest.approx(without["total_score"], abs=0.1)
    unlike = {name for name in QUALITY_NAMES if quality[name] != without[name]}
    assert unlike <= {"total_score", "not_masked_score"}


def test_a_batch_answers_as_its_members_do_one_by_one(
    bare: QualityAssessmentEstimator, astronaut: Image, face: Attributes
) -> None:
    images = [astronaut, np.asarray(cv2.GaussianBlur(astronaut, (0, 0), 4), np.uint8), astronaut // 3]
    views = [bare.view(image, face) for image in images]
    together = [attributes[QUALITY] for attributes in bare.estimate(pickle.loads(pickle.dumps(views)))]  # noqa: S301
    for view, quality in zip(views, together, strict=True):
        alone = bare.estimate([view])[0][QUALITY]
        assert dict(quality) == pytest.approx(dict(alone), abs=0.011)  # one unit in the last decimal
    assert bare.estimate([]) == []


def test_blur_takes_the_total_score_down(bare: QualityAssessmentEstimator, astronaut: Image, face: Attributes) -> None:
    blurred = [astronaut, *(np.asarray(cv2.GaussianBlur(astronaut, (0, 0), sigma), np.uint8) for sigma in (1.5, 3, 5))]
    totals = [_assessed(bare, image, face)["total_score"] for image in blurred]
    assert totals == sorted(totals, reverse=True)
    assert totals[-1] < totals[0] / 2


@pytest.mark.parametrize("kind", ["bare", "full"])
def test_masks_are_seen_with_and_without_a_network(
    kind: str, request: pytest.FixtureRequest, fitter: FaceFitter, data: Callable[[str], Path]
) -> None:
    estimator: QualityAssessmentEstimator = request.getfixturevalue(kind)
    right = []
    for path in sorted((data("mask") / "images").glob("*.jpg"))[::16]:
        image = np.ascontiguousarray(np.asarray(cv2.imread(str(path)), np.uint8)[..., ::-1])
        found = fitter.detect([image], threshold=0.3)[0]
        if found:
            largest = max(found, key=lambda face: face[BOX].right - face[BOX].left)
            right.append(_assessed(estimator, image, largest)["not_masked"] == path.name.startswith("none"))
    assert len(right) >= 40
    assert np.mean(right) >= 0.85


_ONE_POINT = (Point(0.5, 0.5),) * 21


@pytest.mark.parametrize(
    "change",
    [
        {KEYPOINTS: _ONE_POINT},
        {KEYPOINTS: tuple(Point(index / 21, 0.5) for index in range(21))},
        {KEYPOINTS: tuple(Point(2 + index / 21, -3.0) for index in range(21))},
        {KEYPOINTS: tuple(Point(1e30 * index, 1e30) for index in range(21))},
        {BOX: Box(0.5, 0.5, 0.5, 0.5)},
        {BOX: Box(0.9, 0.9, 0.1, 0.1)},
        {BOX: Box(2.0, 2.0, 3.0, 3.0)},
        {BOX: Box(-1e30, -1e30, 1e30, 1e30)},
        {ANGLES: Angles(1e9, -1e9, 0.0)},
    ],
)
def test_senseless_places_still_get_an_answer(
    change: Mapping[object, object], bare: QualityAssessmentEstimator, astronaut: Image, face: Attributes
) -> None:
    assert _is_complete(_assessed(bare, astronaut, Attributes({**face, **change})))  # type: ignore[dict-item]  # a table of mixed attributes


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 2, 3), (2, 900, 3), (900, 2, 3)])
def test_tiny_photos_still_get_an_answer(
    shape: tuple[int, int, int], bare: QualityAssessmentEstimator, face: Attributes
) -> None:
    assert _is_complete(_assessed(bare, np.full(shape, 128, np.uint8), face))


def test_what_others_said_of_the_face_is_not_asked_again(
    full: QualityAssessmentEstimator, models_for: ModelsFor, astronaut: Image, face: Attributes
) -> None:
    said = face
    for other in (EmotionEstimator(models_for("expression")), MaskEstimator(models_for("mask"))):
        said |= other.estimate([other.view(astronaut, face)])[0]
    views = [full.view(astronaut, attributes) for attributes in (face, said)]
    assert not isinstance(views[0].expression, Attributes)
    assert isinstance(views[1].expression, Attributes)
    assert isinstance(views[1].mask, Attributes)
    alone, helped = full.estimate(views)
    assert alone == helped
