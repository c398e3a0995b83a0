"""Whether a face wears a medical mask."""

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from estimators.mask import NETWORKS, MaskEstimator
from eval.split import held_out
from models import Model, open_session
from models.store import WEIGHTS
from schemas.attributes import BOX, MASK, Attributes, Box

ASTRONAUT = Box(0.348, 0.127, 0.526, 0.344)  # where a detector finds that face
ANCHORS = 5972
CENTRAL, CORNER = 33 * 33 * 4 // 2, 0  # anchors of the finest grid: one at the centre of the crop, one at its corner


def estimator(anchor: int, masked: float, bare: float) -> MaskEstimator:
    """An estimator whose network sees a face at one anchor only."""

    def run(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        scores = np.full((len(inputs[0]), ANCHORS, 2), 0.001, np.float32)
        scores[:, anchor] = masked, bare
        return [np.zeros((len(scores), ANCHORS, 4), np.float32), scores]

    return MaskEstimator({"mask": (Model("fake", "aizoo-mask", run),)})


def answers(node: MaskEstimator, image: NDArray[np.uint8], box: Box) -> list[Attributes]:
    return node.estimate([node.view(image, Attributes({BOX: box}))])


@pytest.mark.parametrize(("masked", "bare", "verdict"), [(0.9, 0.1, True), (0.2, 0.6, False), (0.3, 0.1, True)])
def test_the_confidence_is_the_share_of_the_mask(masked: float, bare: float, verdict: bool) -> None:
    (answer,) = answers(estimator(CENTRAL, masked, bare), np.zeros((50, 70, 3), np.uint8), Box(0.4, 0.4, 0.6, 0.6))
    assert answer[MASK].confidence == pytest.approx(masked / (masked + bare), abs=1e-3)
    assert answer[MASK].value is verdict


def test_a_masked_neighbour_at_the_corner_does_not_count() -> None:
    (answer,) = answers(estimator(CORNER, 1.0, 0.0), np.zeros((50, 70, 3), np.uint8), Box(0.4, 0.4, 0.6, 0.6))
    assert answer[MASK].confidence == pytest.approx(0.5)
    assert not answer[MASK].value


def test_no_views_give_no_answers() -> None:
    assert estimator(CENTRAL, 1.0, 0.0).estimate([]) == []


def test_the_astronaut_wears_no_mask(model: Callable[[str], Model], astronaut: NDArray[np.uint8]) -> None:
    node = MaskEstimator({"mask": (model("aizoo_mask_dyn"),)})
    (answer,) = answers(node, astronaut, ASTRONAUT)
    assert answer[MASK].confidence < 0.1


@pytest.fixture(scope="module")
def facet() -> MaskEstimator:
    """The network that comes with Facet."""
    return MaskEstimator({"mask": (Model("facet_mask", "facet-mask", open_session(WEIGHTS / "facet_mask.onnx")),)})


def test_the_network_that_comes_with_facet_is_small() -> None:
    assert (WEIGHTS / "facet_mask.onnx").stat().st_size < 2**20


def test_the_network_that_comes_with_facet_finds_the_astronaut_bare(
    facet: MaskEstimator, astronaut: NDArray[np.uint8]
) -> None:
    (answer,) = answers(facet, astronaut, ASTRONAUT)
    assert answer[MASK].confidence < 0.1


def test_the_network_that_comes_with_facet_finds_a_cloth_over_nose_and_mouth(
    facet: MaskEstimator, astronaut: NDArray[np.uint8]
) -> None:
    covered = astronaut.copy()
    outline = np.array([[191, 125], [222, 112], [258, 125], [252, 160], [224, 184], [196, 160]], np.int32)
    cv2.fillPoly(covered, [outline], (150, 200, 225))
    (answer,) = answers(facet, covered, ASTRONAUT)
    assert answer[MASK].confidence > 0.9


def test_a_batch_is_answered_as_each_face_alone(facet: MaskEstimator, astronaut: NDArray[np.uint8]) -> None:
    boxes = [ASTRONAUT, Box(0.1, 0.2, 0.5, 0.6), Box(0.5, 0.5, 1.2, 1.4), Box(0.3, 0.3, 0.3, 0.3)]
    views = [facet.view(astronaut, Attributes({BOX: box})) for box in boxes]
    together = [answer[MASK].confidence for answer in facet.estimate(views)]
    alone = [facet.estimate([view])[0][MASK].confidence for view in views]
    assert together == pytest.approx(alone, abs=1e-5)
    assert all(0 <= confidence <= 1 for confidence in together)


@pytest.mark.parametrize("architecture", list(NETWORKS))
def test_each_network_has_its_own_view(architecture: str, astronaut: NDArray[np.uint8]) -> None:
    node = MaskEstimator({"mask": (Model("fake", architecture, lambda *_: []),)})
    size = NETWORKS[architecture].size
    assert node.view(astronaut, Attributes({BOX: ASTRONAUT})).shape == (size, size, 3)


@pytest.mark.parametrize(("name", "least"), [("aizoo_mask_dyn", 0.8), ("facet_mask", 0.8)])
def test_most_labelled_faces_are_told_right(
    name: str, least: float, facet: MaskEstimator, model: Callable[[str], Model], data: Callable[[str], Path]
) -> None:
    folder = data("mask")
    node = facet if name == "facet_mask" else MaskEstimator({"mask": (model(name),)})
    with (folder / "labels.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if held_out(Path(row["path"]).name)][::8]
    right = []
    for row in rows:
        image = np.asarray(Image.open(folder / row["path"]).convert("RGB"))
        (answer,) = answers(node, image, Box(0.1, 0.1, 0.9, 0.9))
        right.append(answer[MASK].value == (row["mask"] == "1"))
    assert np.mean(right) > least
