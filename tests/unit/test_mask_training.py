"""What the mask network learns from: halves that share nothing, and drawings that cover what they say."""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from eval.split import key
from models import Model
from schemas.attributes import Box
from training.bare_coverings import with_beard, with_hand, with_shades, with_thing
from training.mask_faces import CENTRAL, CHIP, SETS, Chip, Photograph, chip, copies, detected_face, half, labelled
from training.mask_samples import disturbed, pools, sample
from training.synthetic_masks import JAW, NOSE_TIP, placed_mask, transplanted, with_mask

Array = NDArray[np.float64]

EYES, MOUTH, BROW = (159, 386), 13, 9


@pytest.fixture(scope="module")
def face(models_for: Callable[..., Mapping[str, tuple[Model, ...]]], astronaut: NDArray[np.uint8]) -> Chip:
    """The astronaut as a chip with a real mesh."""
    models = models_for("face-detection", "face-landmarks")
    found = detected_face(models["face-detection"][0], Path("astronaut.png"), astronaut)
    assert found is not None
    return chip(models["face-landmarks"][0], found, masked=False)


def changed(before: NDArray[np.uint8], after: NDArray[np.uint8], at: Array) -> bool:
    """Whether a point of the chip looks clearly different."""
    x, y = np.rint(at).astype(int)
    return bool(np.abs(before[y, x].astype(int) - after[y, x]).max() > 8)


@pytest.mark.parametrize("name", SETS)
def test_no_photograph_and_no_person_is_in_both_halves(name: str, data: Callable[[str], Path]) -> None:
    paths = list(labelled(data(name).parent, name))
    halves = [half(paths, name, held) for held in (False, True)]
    assert sorted(halves[0] + halves[1]) == sorted(paths)
    learned, held = ({key(name, path) for path in paths} for paths in halves)
    assert learned
    assert held
    assert not learned & held


def test_a_mirrored_brighter_copy_is_found_and_another_photograph_is_not(astronaut: NDArray[np.uint8]) -> None:
    random = np.random.default_rng(0)
    copy = np.ascontiguousarray(np.clip(astronaut[:, ::-1].astype(int) + 20, 0, 255).astype(np.uint8))
    other = random.integers(0, 256, (16, 16, 3)).astype(np.uint8).repeat(32, 0).repeat(32, 1)
    box, mirrored = Box(0.348, 0.127, 0.526, 0.344), Box(1 - 0.526, 0.127, 1 - 0.348, 0.344)
    faces = [
        Photograph(Path(name), image, place, 1.0, np.zeros(4), np.zeros((5, 2)))
        for name, image, place in (("a", astronaut, box), ("b", copy, mirrored), ("c", other, box))
    ]
    found = {first.path.name: second.path.name for first, second in copies(faces[1:], faces[:1])}
    assert found == {"b": "a"}


def test_masks_cover_what_they_are_worn_over(face: Chip) -> None:
    for seed in range(20):
        for worn, covered in (("nose", [True, True]), ("mouth", [False, True]), ("chin", [False, False])):
            outline = placed_mask(face.mesh, np.random.default_rng(seed), worn).outline
            assert [_inside(outline, face.mesh[point]) for point in (NOSE_TIP, MOUTH)] == covered
            image = with_mask(face.image, face.mesh, np.random.default_rng(seed), worn)
            assert image.shape == face.image.shape
            assert image.dtype == np.uint8
            assert not any(changed(face.image, image, face.mesh[point]) for point in (*EYES, BROW))


def _inside(outline: Array, point: Array) -> bool:
    return cv2.pointPolygonTest(outline.astype(np.float32), (float(point[0]), float(point[1])), False) > 0


def test_most_masks_look_different_from_the_mouth_beneath(face: Chip) -> None:
    random = np.random.default_rng(0)
    seen = [changed(face.image, with_mask(face.image, face.mesh, random), face.mesh[MOUTH]) for _ in range(40)]
    assert np.mean(seen) > 0.9


def test_the_same_seed_draws_the_same(face: Chip) -> None:
    first, second = (with_mask(face.image, face.mesh, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)


def test_a_transplanted_mask_lands_on_the_mouth(face: Chip) -> None:
    donor = np.zeros_like(face.image)
    image = transplanted(face.image, face.mesh, donor, face.mesh + 3.0, np.random.default_rng(0))
    x, y = np.rint(face.mesh[MOUTH]).astype(int)
    assert image[y, x].max() < 30
    assert not changed(face.image, image, face.mesh[BROW])


@pytest.mark.parametrize("draw", [with_hand, with_thing, with_beard, with_shades])
def test_other_coverings_leave_most_of_the_chip_alone(
    face: Chip, draw: Callable[[NDArray[np.uint8], Array, np.random.Generator], NDArray[np.uint8]]
) -> None:
    for seed in range(10):
        image = draw(face.image, face.mesh, np.random.default_rng(seed))
        share = (np.abs(image.astype(int) - face.image).max(2) > 8).mean()
        assert 0 < share < 0.4


def test_a_beard_leaves_the_lips_bare(face: Chip) -> None:
    image = with_beard(face.image, face.mesh, np.random.default_rng(0))
    assert not changed(face.image, image, face.mesh[MOUTH])
    assert changed(face.image, image, face.mesh[JAW[10]] * 0.85 + face.mesh[NOSE_TIP] * 0.15)


def test_samples_have_about_as_many_masked_as_bare_faces(face: Chip) -> None:
    random = np.random.default_rng(0)
    kinds = pools([face, face._replace(masked=True)], [face], 8, random)
    assert sum(kind.share for kind in kinds) == 100
    crops, masked = sample(kinds, 200, 1.4, 64, random)
    assert crops.shape == (200, 64, 64, 3)
    assert crops.dtype == np.uint8
    assert 0.35 < masked.mean() < 0.65
    assert set(masked.tolist()) == {0.0, 1.0}


def test_a_disturbed_crop_is_never_lost_in_the_dark(face: Chip) -> None:
    random = np.random.default_rng(0)
    assert all(disturbed(face.image, 1.4, 64, random).std() > 5 for _ in range(50))


def test_the_detected_box_lies_in_the_middle_of_the_chip(face: Chip) -> None:
    nose = (face.mesh[NOSE_TIP] + 0.5) / CHIP
    assert CENTRAL.left < nose[0] < CENTRAL.right
    assert CENTRAL.top < nose[1] < CENTRAL.bottom
    assert face.flag > 0.9
