"""What a face expresses."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from estimators.emotion import EmotionEstimator
from models import Model
from schemas.attributes import BOX, EMOTION_NAMES, EMOTIONS, Attributes, Box

WHOLE = Attributes({BOX: Box(0.0, 0.0, 1.0, 1.0)})
NETWORK = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
LABELS = {"fear": "scared", "disgust": "disgusted", "surprise": "surprised"}


def sure_of(column: int) -> EmotionEstimator:
    """An estimator whose network gives nearly everything to one of its classes."""

    def run(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        scores = np.full((len(inputs[0]), len(NETWORK)), 0.05, np.float32)
        scores[:, column] = 0.7
        return [scores]

    return EmotionEstimator({"expression": (Model("fake", "faceapi-expression", run),)})


@pytest.mark.parametrize("emotion", NETWORK)
def test_each_class_of_the_network_keeps_its_name(emotion: str) -> None:
    node = sure_of(NETWORK.index(emotion))
    (answer,) = node.estimate([node.view(np.zeros((48, 48, 3), np.uint8), WHOLE)])
    emotions = answer[EMOTIONS]
    assert max(emotions, key=lambda name: emotions[name]) == ("scared" if emotion == "fearful" else emotion)


def test_the_emotions_are_in_wire_order_and_sum_to_one() -> None:
    node = sure_of(0)
    (answer,) = node.estimate([node.view(np.zeros((48, 48, 3), np.uint8), WHOLE)])
    emotions = answer[EMOTIONS]
    assert tuple(emotions) == EMOTION_NAMES
    assert sum(emotions.values()) == pytest.approx(1, abs=1e-12)


def test_no_views_give_no_answers() -> None:
    assert sure_of(0).estimate([]) == []


def test_the_astronaut_smiles(model: Callable[[str], Model], astronaut: NDArray[np.uint8]) -> None:
    node = EmotionEstimator({"expression": (model("faceapi_face_expression"),)})
    (answer,) = node.estimate([node.view(astronaut, Attributes({BOX: Box(0.348, 0.127, 0.526, 0.344)}))])
    assert answer[EMOTIONS]["happy"] > 0.8


def test_labelled_faces_are_told_far_better_than_by_chance(
    model: Callable[[str], Model], data: Callable[[str], Path]
) -> None:
    folder, node = data("emotion"), EmotionEstimator({"expression": (model("faceapi_face_expression"),)})
    with (folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))[::5]
    faces = [np.asarray(Image.open(folder / row["path"]).convert("RGB")) for row in rows]
    answers = [answer[EMOTIONS] for answer in node.estimate([node.view(face, WHOLE) for face in faces])]
    likely = [EMOTION_NAMES[int(np.argmax(list(emotions.values())))] for emotions in answers]
    truth = [LABELS.get(row["emotion"], row["emotion"]) for row in rows]
    assert np.mean([guess == label for guess, label in zip(likely, truth, strict=True)]) > 0.5
