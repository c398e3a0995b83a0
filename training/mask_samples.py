"""What the mask network is trained on: drawn chips, and crops as careless detectors and poor cameras make them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from training.bare_coverings import with_beard, with_hand, with_shades, with_thing
from training.mask_faces import CHIP, CHIP_SCALE, Chip
from training.synthetic_masks import transplanted, with_mask

Random = np.random.Generator
_SURE = 0.5  # a mesh is drawn on where it is at least so sure of a face: half of the masked ones, all bare ones


class Pool(NamedTuple):
    """Chips of one kind, and how many of a hundred samples are taken from among them."""

    name: str
    share: float
    chips: Sequence[Image]
    masked: bool


def pools(real: Sequence[Chip], others: Sequence[Chip], drawn: int, random: Random) -> list[Pool]:
    """Real chips and ``drawn`` chips of every kind that is drawn.

    ``real`` is of the set with masks; the ``others`` are bare. A mask that leaves only the nose free counts as worn,
    one about the chin does not. Cloth that covers nose and mouth counts as a mask, as in the labels of that set.
    """
    masked = [chip for chip in real if chip.masked]
    bare = [chip for chip in real if not chip.masked]
    donors = [chip for chip in masked if chip.flag >= _SURE]
    faces = [chip for chip in (*bare, *others) if chip.flag >= _SURE]

    def several(draw: Callable[[Chip], Image], count: int) -> list[Image]:
        return [draw(faces[index]) for index in random.integers(len(faces), size=count)]

    def worn(how: str) -> Callable[[Chip], Image]:
        return lambda chip: with_mask(chip.image, chip.mesh, random, how)

    def given(donors: Sequence[Chip]) -> Callable[[Chip], Image]:
        def draw(chip: Chip) -> Image:
            donor = donors[int(random.integers(len(donors)))]
            return transplanted(chip.image, chip.mesh, donor.image, donor.mesh, random)

        return draw

    def covered(draw: Callable[[Image, NDArray[np.float64], Random], Image]) -> Callable[[Chip], Image]:
        return lambda chip: draw(chip.image, chip.mesh, random)

    shaded = [chip for chip in masked if chip.flag >= _SURE]
    return [
        Pool("real masks", 22, [chip.image for chip in masked], True),
        Pool("real masks, dark glasses or a hat", 2, [covered(with_shades)(chip) for chip in shaded], True),
        Pool("drawn masks", 16, several(worn("nose"), 2 * drawn), True),
        Pool("drawn masks below the nose", 3, several(worn("mouth"), drawn // 4), True),
        Pool("real masks on other faces", 8, several(given(donors), drawn), True),
        Pool("bare faces of the set with masks", 13, [chip.image for chip in bare], False),
        Pool("other bare faces", 20, [chip.image for chip in others], False),
        Pool("drawn masks about the chin", 2, several(worn("chin"), drawn // 4), False),
        Pool("mouths on other faces", 2, several(given(faces), drawn // 4), False),
        Pool("hands", 4, several(covered(with_hand), drawn // 4), False),
        Pool("things held up", 4, several(covered(with_thing), drawn // 4), False),
        Pool("beards", 2, several(covered(with_beard), drawn // 4), False),
        Pool("dark glasses or a hat", 2, several(covered(with_shades), drawn // 4), False),
    ]


def sample(
    pools: Sequence[Pool], count: int, scale: float, size: int, random: Random
) -> tuple[Image, NDArray[np.float32]]:
    """``count`` crops (count, size, size, 3) of ``scale`` times the box, disturbed, and which are masked, 0 or 1."""
    shares = np.array([pool.share for pool in pools])
    picked = random.choice(len(pools), size=count, p=shares / shares.sum())
    crops = np.empty((count, size, size, 3), np.uint8)
    for index, which in enumerate(picked):
        chips = pools[which].chips
        crops[index] = disturbed(chips[random.integers(len(chips))], scale, size, random)
    return crops, np.array([pools[which].masked for which in picked], np.float32)


def disturbed(chip: Image, scale: float, size: int, random: Random) -> Image:
    """A crop of a chip, moved, turned and mirrored, in other light and of less quality."""
    image = _cut_off(chip, random) if random.random() < 0.3 else chip
    crop = _moved(image, scale, size, random)
    if random.random() < 0.4:
        crop = _coarser(crop, random.uniform(14, 50) / size * scale, random)
    crop = _relit(crop, random)
    if random.random() < 0.15:
        crop = np.asarray(cv2.GaussianBlur(crop, (0, 0), random.uniform(0.4, 1.6)), np.uint8)
    if random.random() < 0.15:
        crop = _clipped(crop + random.normal(0, random.uniform(2, 14), crop.shape))
    if random.random() < 0.4:
        _, file = cv2.imencode(".jpg", crop, (cv2.IMWRITE_JPEG_QUALITY, int(random.integers(12, 90))))
        crop = np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)
    return crop


def _clipped(values: NDArray[np.floating]) -> Image:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _moved(chip: Image, scale: float, size: int, random: Random) -> Image:
    """The crop about a box that is too large, too small or beside the face, by a tenth of its side as a rule."""
    zoom = size / CHIP * CHIP_SCALE / scale * np.exp(random.normal(0, 0.1))
    turn = np.radians(random.normal(0, 9 if random.random() < 0.85 else 25))
    linear = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    if random.random() < 0.5:
        linear[:, 0] *= -1
    middle = (CHIP - 1) / 2 + random.normal(0, 0.05, 2) * CHIP / CHIP_SCALE
    matrix = np.column_stack([linear, (size - 1) / 2 - linear @ middle])
    return np.asarray(cv2.warpAffine(chip, matrix, (size, size), flags=cv2.INTER_LINEAR), np.uint8)


def _cut_off(chip: Image, random: Random) -> Image:
    """The chip as if the photograph ended close to the face at one or more sides."""
    image = chip.copy()
    box, middle = CHIP / CHIP_SCALE, CHIP / 2
    for side in range(4):
        if random.random() < 0.5:
            at = int(middle + box * random.uniform(0.42, 0.8))
            np.rot90(image, side)[at:] = 0
    return image


def _coarser(crop: Image, share: float, random: Random) -> Image:
    """The crop at a ``share`` of its pixels a side and back."""
    size = len(crop)
    few = int(np.clip(share * size, 8, size))
    small = cv2.resize(crop, (few, few), interpolation=cv2.INTER_AREA)
    way = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LINEAR, cv2.INTER_NEAREST)[random.integers(4)]
    return np.asarray(cv2.resize(small, (size, size), interpolation=way), np.uint8)


def _relit(crop: Image, random: Random) -> Image:
    """The crop with another exposure, contrast, gamma, tint and saturation; one in seven is grey."""
    values = crop.astype(np.float32) / 255
    values = values ** np.exp(random.normal(0, 0.22))
    values = (values - 0.5) * np.exp(random.normal(0, 0.15)) + 0.5 + random.normal(0, 0.05)
    values = values * np.exp(random.normal(0, 0.06, 3)).astype(np.float32)
    grey = values.mean(2, keepdims=True)
    values = grey + (values - grey) * (0.0 if random.random() < 0.18 else np.exp(random.normal(0, 0.25)))
    return _clipped(values * 255)
