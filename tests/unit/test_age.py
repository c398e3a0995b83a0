"""How old a face looks."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from estimators.age import AgeEstimator, corrected, load_correction
from models import Model
from schemas.attributes import AGE, BOX, Attributes, Box

ASTRONAUT = Box(0.348, 0.127, 0.526, 0.344)
USUAL = Box(0.18, 0.28, 0.70, 0.90)  # where the labelled photographs have their face, on the average


def brightness(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """A network that takes the mean of a crop, less 100, for its age."""
    ages = inputs[0].mean((1, 2, 3))[:, None] - 100
    return [ages, np.zeros((len(ages), 2), np.float32)]


def estimator() -> AgeEstimator:
    return AgeEstimator({"age-gender": (Model("fake", "faceapi-age-gender", brightness),)})


def grey(level: int) -> NDArray[np.uint8]:
    return np.full((50, 70, 3), level, np.uint8)


def test_ages_come_in_the_order_of_the_views() -> None:
    node = estimator()
    views = [node.view(grey(level), Attributes({BOX: Box(0.4, 0.4, 0.6, 0.6)})) for level in (130, 250, 120)]
    assert [answer[AGE] for answer in node.estimate(views)] == [30, 150, 20]


def test_nobody_is_younger_than_nothing() -> None:
    node = estimator()
    view = node.view(grey(0), Attributes({BOX: Box(0.4, 0.4, 0.6, 0.6)}))
    assert [answer[AGE] for answer in node.estimate([view])] == [0]


def left_half(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """A network that takes the mean of a crop's left half for its age."""
    ages = inputs[0][..., :56].mean((1, 2, 3))[:, None]
    return [ages, np.zeros((len(ages), 2), np.float32)]


def test_a_face_and_its_mirror_image_look_equally_old() -> None:
    node = AgeEstimator({"age-gender": (Model("fake", "faceapi-age-gender", left_half),)})
    view = np.zeros((112, 112, 3), np.uint8)
    view[:, :56] = 80
    assert [answer[AGE] for answer in node.estimate([view, view[:, ::-1]])] == [40, 40]


def test_years_are_added_between_the_knots_and_beyond_them_as_at_the_last() -> None:
    years = np.array([0.0, 20.0, 30.0, 40.0, 60.0, 90.0])
    assert corrected(years, {20.0: 0.0, 40.0: 4.0, 60.0: -1.0}).tolist() == [0, 20, 32, 44, 59, 89]
    assert corrected(np.array([-3.0, 1.0]), {}).tolist() == [0, 1]


def test_an_unheard_of_network_is_not_corrected() -> None:
    assert load_correction("fake") == {}


def test_the_committed_correction_keeps_the_order_and_leaves_the_young_alone() -> None:
    correction = load_correction("faceapi_age_gender")
    years = np.linspace(0, 100, 1001)
    after = corrected(years, correction)
    assert (np.diff(after) > 0).all()
    np.testing.assert_array_equal(after[years <= 30], years[years <= 30])
    assert after.max() <= 100


def test_no_views_give_no_answers() -> None:
    assert estimator().estimate([]) == []


def test_an_unknown_architecture_is_refused_at_once() -> None:
    with pytest.raises(KeyError):
        AgeEstimator({"age-gender": (Model("fake", "unheard-of", brightness),)})


def test_the_astronaut_was_in_her_forties(model: Callable[[str], Model], astronaut: NDArray[np.uint8]) -> None:
    node = AgeEstimator({"age-gender": (model("faceapi_age_gender"),)})
    (answer,) = node.estimate([node.view(astronaut, Attributes({BOX: ASTRONAUT}))])
    assert 20 < answer[AGE] < 55


def test_older_faces_look_older(model: Callable[[str], Model], data: Callable[[str], Path]) -> None:
    folder, node = data("age_gender"), AgeEstimator({"age-gender": (model("faceapi_age_gender"),)})
    with (folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))[::8]
    faces = [np.asarray(Image.open(folder / row["path"]).convert("RGB")) for row in rows]
    views = [node.view(face, Attributes({BOX: USUAL})) for face in faces]
    ages = [answer[AGE] for answer in node.estimate(views)]
    assert np.corrcoef(ages, [float(row["age"]) for row in rows])[0, 1] > 0.75
