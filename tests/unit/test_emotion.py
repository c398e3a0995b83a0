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


XCEPTION = ("angry", "disgusted", "fearful", "happy", "sad", "surprised", "neutral")


def told(column: int, architecture: str, share: float = 0.7) -> Model:
    """A network that gives the same share to one of its classes, whatever it is shown, and the rest to the others."""

    def run(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        scores = np.full((len(inputs[0]), 7), (1 - share) / 6, np.float32)
        scores[:, column] = share
        return [scores]

    return Model(f"{architecture} {column}", architecture, run)


@pytest.mark.parametrize("emotion", XCEPTION)
def test_each_class_of_the_second_network_keeps_its_name(emotion: str) -> None:
    node = EmotionEstimator({"expression": (told(XCEPTION.index(emotion), "mini-xception"),)})
    (answer,) = node.estimate([np.zeros((112, 112, 3), np.uint8)])
    emotions = answer[EMOTIONS]
    assert max(emotions, key=lambda name: emotions[name]) == ("scared" if emotion == "fearful" else emotion)


def test_the_second_network_is_shown_grey_from_minus_one_to_one() -> None:
    shown: list[NDArray[np.float32]] = []

    def run(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        shown.extend(inputs)
        return [np.full((len(inputs[0]), 7), 1 / 7, np.float32)]

    node = EmotionEstimator({"expression": (Model("fake", "mini-xception", run),)})
    node.estimate([np.full((112, 112, 3), colour, np.uint8) for colour in ((0, 0, 0), (255, 255, 255), (255, 0, 0))])
    (batch,) = shown
    assert batch.shape == (3, 64, 64, 1)
    assert batch.dtype == np.float32
    assert batch[:, 32, 32, 0] == pytest.approx([-1, 1, 0.299 * 2 - 1], abs=0.01)


def test_networks_that_disagree_meet_half_way_where_nothing_was_measured() -> None:
    models = (told(NETWORK.index("happy"), "faceapi-expression"), told(XCEPTION.index("sad"), "mini-xception"))
    (answer,) = EmotionEstimator({"expression": models}).estimate([np.zeros((112, 112, 3), np.uint8)])
    assert answer[EMOTIONS]["happy"] == pytest.approx(answer[EMOTIONS]["sad"], rel=1e-5)
    assert answer[EMOTIONS]["happy"] > 2 * answer[EMOTIONS]["neutral"]


def test_a_face_and_its_mirror_image_express_the_same() -> None:
    def run(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        happy = inputs[0][..., :56].mean((1, 2, 3)) / np.float32(255)
        return [np.stack([happy if name == "happy" else (1 - happy) / 6 for name in NETWORK], 1)]

    node = EmotionEstimator({"expression": (Model("fake", "faceapi-expression", run),)})
    view = np.full((112, 112, 3), 30, np.uint8)
    view[:, :56] = 220
    one, other = node.estimate([view, view[:, ::-1]])
    assert one[EMOTIONS] == pytest.approx(other[EMOTIONS])


def test_no_views_give_no_answers() -> None:
    assert sure_of(0).estimate([]) == []


def test_the_astronaut_smiles(model: Callable[[str], Model], astronaut: NDArray[np.uint8]) -> None:
    node = EmotionEstimator({"expression": (model("faceapi_face_expression"),)})
    (answer,) = node.estimate([node.view(astronaut, Attributes({BOX: Box(0.348, 0.127, 0.526, 0.344)}))])
    assert answer[EMOTIONS]["happy"] > 0.8


def test_both_networks_see_the_astronaut_smile(model: Callable[[str], Model], astronaut: NDArray[np.uint8]) -> None:
    both = (model("faceapi_face_expression"), model("human_emotion"))
    node = EmotionEstimator({"expression": both})
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
