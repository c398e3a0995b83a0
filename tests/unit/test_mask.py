"""Whether a face wears a medical mask."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from estimators.mask import MaskEstimator
from models import Model
from schemas.attributes import BOX, MASK, Attributes, Box

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
    (answer,) = answers(node, astronaut, Box(0.348, 0.127, 0.526, 0.344))
    assert answer[MASK].confidence < 0.1


def test_most_labelled_faces_are_told_right(model: Callable[[str], Model], data: Callable[[str], Path]) -> None:
    folder, node = data("mask"), MaskEstimator({"mask": (model("aizoo_mask_dyn"),)})
    with (folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))[::16]
    right = []
    for row in rows:
        image = np.asarray(Image.open(folder / row["path"]).convert("RGB"))
        (answer,) = answers(node, image, Box(0.1, 0.1, 0.9, 0.9))
        right.append(answer[MASK].value == (row["mask"] == "1"))
    assert np.mean(right) > 0.8
