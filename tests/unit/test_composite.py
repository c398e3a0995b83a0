"""Detectors made of the face fitter and an estimator."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from estimators.base import Estimator
from estimators.body.detector import NETWORKS
from estimators.composite import (
    THRESHOLDS,
    FaceDetectorLivenessEstimator,
    FaceDetectorTemplateExtractor,
    FaceDetectorWith,
)
from estimators.face import FaceFitter, finder, fitter
from estimators.liveness import LivenessEstimator
from estimators.template import TemplateExtractor
from models import Model
from schemas.attributes import BOX, CONFIDENCE, KIND, LIVENESS, TEMPLATE, Attribute, Attributes
from schemas.template import decode

ModelsFor = Callable[..., Mapping[str, tuple[Model, ...]]]

PARTS = [
    (FaceDetectorLivenessEstimator, LivenessEstimator, LIVENESS),
    (FaceDetectorTemplateExtractor, TemplateExtractor, TEMPLATE),
]


def three_faces(astronaut: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The astronaut's head three times, side by side, on grey."""
    image = np.full((300, 900, 3), 128, np.uint8)
    for column in (20, 320, 620):
        image[20:276, column : column + 256] = astronaut[:256, 90:346]
    return image


@pytest.mark.parametrize(("kind", "part", "attribute"), PARTS)
def test_it_needs_the_models_of_both_parts(
    kind: type[FaceDetectorWith], part: type[Estimator[Any]], attribute: Attribute[Any]
) -> None:
    assert set(kind.tasks) == {*FaceFitter.tasks, *part.tasks}
    assert kind.provides == {KIND, BOX, CONFIDENCE, attribute}


@pytest.mark.parametrize(("kind", "part", "attribute"), PARTS)
def test_it_says_what_its_parts_say_one_after_the_other(
    kind: type[FaceDetectorWith],
    part: type[Estimator[Any]],
    attribute: Attribute[Any],
    models_for: ModelsFor,
    astronaut: NDArray[np.uint8],
) -> None:
    models = models_for(*kind.tasks)
    empty = np.full((200, 200, 3), 128, np.uint8)
    images = [three_faces(astronaut), empty, astronaut]
    first, none, last = kind(models).detect(images)
    assert (len(first), none, len(last)) == (3, [], 1)
    fitter, estimator = FaceFitter(models), part(models)
    for image, faces in ((images[0], first), (astronaut, last)):
        (fitted,) = fitter.detect([image])
        answers = estimator.estimate([estimator.view(image, face) for face in fitted])
        expected = [
            Attributes({KIND: face[KIND], BOX: face[BOX], CONFIDENCE: face[CONFIDENCE], attribute: answer[attribute]})
            for face, answer in zip(fitted, answers, strict=True)
        ]
        assert [set(face) for face in faces] == [set(face) for face in expected]
        for face, known in zip(faces, expected, strict=True):
            assert face[KIND] == "face"
            np.testing.assert_allclose(face[BOX], known[BOX], atol=1e-6)
            assert face[CONFIDENCE] == pytest.approx(known[CONFIDENCE], abs=1e-6)
            np.testing.assert_allclose(_numbers(face, attribute), _numbers(known, attribute), atol=1e-2)


def _numbers(face: Attributes, attribute: Attribute[Any]) -> NDArray[np.floating]:
    if attribute is LIVENESS:
        return np.array([face[LIVENESS].confidence])
    return decode(face[TEMPLATE]).vector


def test_the_threshold_reaches_the_detector(models_for: ModelsFor, astronaut: NDArray[np.uint8]) -> None:
    node = FaceDetectorLivenessEstimator(models_for(*FaceDetectorLivenessEstimator.tasks))
    assert [len(faces) for faces in node.detect([astronaut], threshold=0.5)] == [1]
    assert [len(faces) for faces in node.detect([astronaut], threshold=0.999)] == [0]


def test_each_face_network_has_a_threshold_of_its_own() -> None:
    assert set(THRESHOLDS) == set(fitter.THRESHOLDS) == set(finder.NETWORKS)


def test_the_guide_states_the_thresholds() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "detection.md").read_text(encoding="utf-8")
    composites = ", ".join(f"`{kind.name}`" for kind, _, _ in reversed(PARTS))
    for route, thresholds in (("`face-detector-face-fitter`, graphs", fitter.THRESHOLDS), (composites, THRESHOLDS)):
        assert f"| {route} | {thresholds['yunet']} | {thresholds['centerface']} |" in guide
    bodies = [NETWORKS[name].threshold for name in ("picodet", "centernet")]
    assert f"| `body-detector` | {bodies[0]} | {bodies[1]} |" in guide


def heads(astronaut: NDArray[np.uint8], *blurs: float) -> NDArray[np.uint8]:
    """The astronaut's head side by side, each blurred, in pixels of deviation."""
    image = three_faces(astronaut)
    for place, blur in enumerate(blurs):
        head = image[:, 300 * place + 20 : 300 * place + 276]
        head[20:276] = cv2.GaussianBlur(head[20:276], (0, 0), blur)
    return image


@pytest.mark.parametrize("network", ["yunet_n_dynamic", "centerface_dyn"])
def test_by_default_what_is_below_the_threshold_of_the_network_is_left_out(
    model: Callable[[str], Model], models_for: ModelsFor, astronaut: NDArray[np.uint8], network: str
) -> None:
    detector = model(network)
    models = {**models_for(*FaceDetectorLivenessEstimator.tasks), "face-detection": (detector,)}
    image = heads(astronaut, 1, 10, 12)
    for node, least in (
        (FaceFitter(models), fitter.THRESHOLDS[detector.architecture]),
        (FaceDetectorLivenessEstimator(models), THRESHOLDS[detector.architecture]),
    ):
        everything, found = node.detect([image], threshold=0.05)[0], node.detect([image])[0]
        confidences = [face[CONFIDENCE] for face in everything]
        assert min(confidences) < least < max(confidences)
        assert [face[CONFIDENCE] for face in found] == [each for each in confidences if each >= least]


def test_no_images_give_no_answers(models_for: ModelsFor) -> None:
    assert FaceDetectorLivenessEstimator(models_for(*FaceDetectorLivenessEstimator.tasks)).detect([]) == []


def test_live_people_and_prints_are_told_apart(models_for: ModelsFor, data: Callable[[str], Path]) -> None:
    folder = data("liveness")
    node = FaceDetectorLivenessEstimator(models_for(*FaceDetectorLivenessEstimator.tasks))
    with (folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))[::15]
    verdicts = []
    for row in rows:
        (faces,) = node.detect([np.asarray(Image.open(folder / row["path"]).convert("RGB"))])
        largest = max(faces, key=lambda face: face[BOX].right - face[BOX].left)
        verdicts.append(largest[LIVENESS].value)
    assert np.mean([verdict == (row["label"] == "live") for verdict, row in zip(verdicts, rows, strict=True)]) > 0.97
