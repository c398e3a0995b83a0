"""Whether a face looks male or female."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from estimators.gender import GenderEstimator
from models import Model
from schemas.attributes import BOX, GENDER, MALE, Attributes, Box, Gender

ASTRONAUT = Box(0.348, 0.127, 0.526, 0.344)
USUAL = Box(0.18, 0.28, 0.70, 0.90)  # where the labelled photographs have their face, on the average


def dark_is_male(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """A network to which a crop is the more female the brighter it is; (male, female)."""
    female = inputs[0].mean((1, 2, 3)) / np.float32(255)
    return [np.zeros((len(female), 1), np.float32), np.stack([1 - female, female], 1)]


def estimator() -> GenderEstimator:
    return GenderEstimator({"age-gender": (Model("fake", "faceapi-age-gender", dark_is_male),)})


def test_the_likelier_gender_is_told_in_the_order_of_the_views() -> None:
    node = estimator()
    box = Attributes({BOX: Box(0.4, 0.4, 0.6, 0.6)})
    views = [node.view(np.full((50, 70, 3), level, np.uint8), box) for level in (20, 240, 100)]
    assert [answer[GENDER] for answer in node.estimate(views)] == [Gender.MALE, Gender.FEMALE, Gender.MALE]


def test_a_face_and_its_mirror_image_are_told_alike() -> None:
    def left_half(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        female = inputs[0][..., :56].mean((1, 2, 3)) / np.float32(255)
        return [np.zeros((len(female), 1), np.float32), np.stack([1 - female, female], 1)]

    node = GenderEstimator({"age-gender": (Model("fake", "faceapi-age-gender", left_half),)})
    view = np.zeros((112, 112, 3), np.uint8)
    view[:, :56] = 204
    assert node.uncalibrated([view, view[:, ::-1]]) == pytest.approx([0.6, 0.6])


def test_no_views_give_no_answers() -> None:
    assert estimator().estimate([]) == []


def test_the_astronaut_is_a_woman(model: Callable[[str], Model], astronaut: NDArray[np.uint8]) -> None:
    node = GenderEstimator({"age-gender": (model("faceapi_age_gender"),)})
    (answer,) = node.estimate([node.view(astronaut, Attributes({BOX: ASTRONAUT}))])
    assert answer[GENDER] is Gender.FEMALE


def test_most_labelled_faces_are_told_right(model: Callable[[str], Model], data: Callable[[str], Path]) -> None:
    folder, node = data("age_gender"), GenderEstimator({"age-gender": (model("faceapi_age_gender"),)})
    with (folder / "labels.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if int(row["age"]) >= 18][::6]
    faces = [np.asarray(Image.open(folder / row["path"]).convert("RGB")) for row in rows]
    views = [node.view(face, Attributes({BOX: USUAL})) for face in faces]
    told = [answer[GENDER] for answer in node.estimate(views)]
    assert np.mean([gender == row["gender"] for gender, row in zip(told, rows, strict=True)]) > 0.85


def test_what_the_age_estimator_learned_of_the_face_is_not_asked_again() -> None:
    def never(*_: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        raise AssertionError("the network ran")

    node = GenderEstimator({"age-gender": [Model("any", "faceapi-age-gender", never)]})
    image = np.zeros((50, 70, 3), np.uint8)
    told = [Attributes({BOX: Box(0.4, 0.4, 0.6, 0.6), MALE: share}) for share in (0.9, 0.1)]
    views = [node.view(image, each) for each in told]
    assert [answer[GENDER] for answer in node.estimate(views)] == [Gender.MALE, Gender.FEMALE]
    assert node.settled(views)
    assert not node.settled([*views, node.view(image, Attributes({BOX: told[0][BOX]}))])
