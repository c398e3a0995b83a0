"""Medical masks drawn over photographs of bare faces, where the face mesh says that nose, cheeks and jaw are.

All functions take a chip, RGB uint8 (side, side, 3), and the face's mesh in its pixels, (468, 2); the pixel centres of
the first row and column are at 0. What is drawn follows from the random generator alone.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from estimators.base import Image

Array = NDArray[np.float64]
Random = np.random.Generator

# Points of the mesh, in the numbering of MediaPipe. The jaw runs from the image-left ear over the chin to the right.
JAW = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454)
NOSE_TIP = 4
MIDLINE = (168, 6, 197, 195, 5, 4, 2, 164, 17, 18, 200, 199)  # from between the eyes to the chin
EARS = (127, 356)

# Where the upper edge of a mask runs: the range of places on the midline (index into MIDLINE, may be a fraction), the
# range of places on the jaw (index into JAW from either ear), and a point of either cheek that it passes.
_WORN = {
    "nose": ((0.8, 4.0), (0.3, 2.6), (118, 347)),
    "mouth": ((6.2, 7.0), (1.0, 3.0), (205, 425)),
    "chin": ((9.0, 10.3), (4.5, 6.5), (211, 431)),
}
_COLOURS = (  # RGB: surgical blues and greens, whites, blacks, greys, cloth
    (150, 198, 226),
    (120, 175, 215),
    (165, 210, 235),
    (140, 200, 180),
    (170, 215, 205),
    (240, 240, 240),
    (225, 228, 232),
    (250, 248, 244),
    (18, 18, 20),
    (35, 35, 40),
    (60, 62, 68),
    (25, 35, 65),
    (130, 130, 135),
    (235, 175, 190),
    (165, 30, 45),
    (215, 195, 165),
)
_PATTERNS = (
    "plain",
    "plain",
    "pleats",
    "pleats",
    "pleats",
    "ridge",
    "stripes",
    "dots",
    "check",
    "blots",
    "blots",
    "patches",
    "patches",
)


class Placed(NamedTuple):
    """A mask's outline on a chip and the axes of its cloth, in pixels."""

    outline: Array  # (n, 2)
    ends: Array  # (2, 2) where the straps begin at the image's left and right
    origin: Array  # (2,) middle of the upper edge
    across: Array  # (2,) from the origin to the right end of the widest part
    down: Array  # (2,) from the origin to the chin


def with_mask(chip: Image, mesh: Array, random: Random, worn: str = "nose") -> Image:
    """The face with a mask of a random shape, cloth and colour that covers nose, "mouth" or "chin" downwards."""
    placed = placed_mask(mesh, random, worn)
    cover = covered(placed.outline, chip.shape[0], random.uniform(0.4, 0.9))
    cloth = _cloth(chip, placed, cover, random)
    image = chip.astype(np.float64)
    shadow = cv2.GaussianBlur(np.roll(cover, (2, int(random.integers(-2, 3))), (0, 1)), (0, 0), 2.0)
    image *= 1 - random.uniform(0, 0.45) * shadow[..., None]
    image = _with_straps(image, placed, mesh, random)
    image += cover[..., None] * (cloth - image)
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


def placed_mask(mesh: Array, random: Random, worn: str) -> Placed:
    """Where a mask sits on the face; ``worn`` says what its upper edge passes."""
    middles, sides, cheeks = _WORN[worn]
    middle = _between(mesh[list(MIDLINE)], random.uniform(*middles))
    at = random.uniform(*sides)
    left, right = _between(mesh[list(JAW)], at), _between(mesh[list(JAW)], len(JAW) - 1 - at)
    droop = random.uniform(-0.1, 0.35)
    controls = [
        left,
        *(_passed(cheek, end, middle, droop) for cheek, end in zip(mesh[list(cheeks)], (left, right), strict=True)),
        right,
    ]
    controls.insert(2, middle)
    upper = _curve(np.array(controls))
    jaw = mesh[list(JAW)][int(np.ceil(at)) : len(JAW) - int(np.ceil(at))]
    out = random.uniform(-0.02, 0.12) + random.uniform(0, 0.16) * np.sin(np.linspace(0, np.pi, len(jaw))) ** 2
    lower = mesh[NOSE_TIP] + (jaw - mesh[NOSE_TIP]) * (1 + out[:, None])
    outline = np.concatenate([upper, lower[::-1]])
    return Placed(outline, np.array([left, right]), middle, (right - left) / 2, lower[len(lower) // 2] - middle)


def transplanted(chip: Image, mesh: Array, donor: Image, donor_mesh: Array, random: Random) -> Image:
    """The face with the lower half of the ``donor``'s, as far as a mask would reach: a real mask, or a bare mouth."""
    outline = placed_mask(mesh, random, "nose").outline
    anchors = [*JAW[1:-1:2], 6, NOSE_TIP, 17, 118, 347]
    matrix, _ = cv2.estimateAffine2D(donor_mesh[anchors], mesh[anchors], method=cv2.LMEDS)
    side = chip.shape[0]
    moved = cv2.warpAffine(donor, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = covered(outline, side, random.uniform(0.6, 1.5))[..., None]
    image = chip + cover * (moved.astype(np.float64) - chip)
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


def _between(points: Array, at: float) -> Array:
    """The place between two neighbours of a line of points, at an index that may be a fraction."""
    low = int(at)
    share = at - low
    place: Array = points[low] * (1 - share) + points[min(low + 1, len(points) - 1)] * share
    return place


def _passed(cheek: Array, end: Array, middle: Array, droop: float) -> Array:
    """A point of the upper edge between its end and its middle: the cheek, drawn towards the straight line."""
    passed: Array = cheek + droop * ((end + middle) / 2 - cheek)
    return passed


def _curve(controls: Array) -> Array:
    """(33, 2) a smooth line through the control points."""
    steps = np.arange(len(controls))
    line: Array = PchipInterpolator(steps, controls)(np.linspace(0, len(controls) - 1, 33))
    return line


def covered(outline: Array, side: int, blur: float) -> Array:
    """(side, side) in [0, 1]: the inside of an outline, with an edge of about ``blur`` pixels."""
    canvas = np.zeros((side, side), np.uint8)
    cv2.fillPoly(canvas, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return np.asarray(cv2.GaussianBlur(canvas.astype(np.float64) / 255, (0, 0), blur), np.float64)


def _cloth(chip: Image, placed: Placed, cover: Array, random: Random) -> Array:
    """(side, side, 3) what the mask would look like if it covered the whole chip."""
    side = chip.shape[0]
    rows, columns = np.indices((side, side)).astype(np.float64)
    axes = np.linalg.pinv(np.column_stack([placed.across, placed.down]))
    offset = np.stack([columns - placed.origin[0], rows - placed.origin[1]], -1)
    x, y = np.moveaxis(offset @ axes.T, -1, 0)  # -1..1 across the mask, 0..1 down
    cloth = _pattern(x, y, _colour(chip, cover, random), random)
    if random.random() < 0.25:  # a seam or a hem along the edge, or the fold down the middle
        edge = cover - cv2.erode(cover, np.ones((3, 3)), iterations=int(random.integers(1, 3)))
        cloth += edge[..., None] * (random.uniform(0, 255) - cloth) * random.uniform(0.3, 1)
    if random.random() < 0.1:  # a valve
        valve = np.hypot((x - random.uniform(-0.5, 0.5)) * 1.4, y - random.uniform(0.3, 0.7)) < random.uniform(
            0.15, 0.25
        )
        cloth[valve] = cloth[valve] * 0.3 + random.uniform(0, 255) * 0.7
    return cloth * _shade(chip, x, y, cover, random)[..., None]


def _colour(chip: Image, cover: Array, random: Random) -> Array:
    """(3,) a common colour of masks, a little changed; now and then any colour, or that of the skin beneath."""
    if random.random() < 0.25:
        return random.uniform(0, 255, 3)
    if random.random() < 0.05 and cover.sum() > 1:
        skin: Array = (chip * cover[..., None]).sum((0, 1)) / cover.sum()
        return skin * random.uniform(0.7, 1.25)
    return np.clip(np.array(_COLOURS[random.integers(len(_COLOURS))]) + random.normal(0, 9, 3), 5, 252)


def _pattern(x: Array, y: Array, colour: Array, random: Random) -> Array:
    """(side, side, 3) cloth without light: a colour, and on it nothing, folds, a print or blots of other colours."""
    cloth = np.broadcast_to(colour, (*x.shape, 3)).copy()
    other = random.uniform(0, 255, 3) if random.random() < 0.6 else np.full(3, random.choice([15.0, 240.0]))
    strength = random.uniform(0.3, 1.0)
    match _PATTERNS[random.integers(len(_PATTERNS))]:
        case "pleats":
            folds = np.sin(2 * np.pi * (y * random.uniform(2.5, 4.5) + 0.06 * np.cos(3 * x) + random.random()))
            cloth *= 1 + random.uniform(0.05, 0.22) * np.where(folds > 0.6, -1.0, folds * 0.3)[..., None]
        case "ridge":
            cloth *= (1 - random.uniform(0.1, 0.4) * np.clip(x * random.choice([-1, 1]), 0, 1))[..., None]
            cloth *= np.where(abs(x) < 0.04, random.uniform(0.6, 1.1), 1.0)[..., None]
        case "stripes":
            turn = random.uniform(0, np.pi)
            bands = np.sin(random.uniform(8, 25) * (x * np.cos(turn) + y * np.sin(turn))) > random.uniform(-0.3, 0.7)
            cloth += (strength * bands)[..., None] * (other - cloth)
        case "dots":
            pitch = random.uniform(0.15, 0.4)
            spots = np.hypot(x % pitch - pitch / 2, y % pitch - pitch / 2) < pitch * random.uniform(0.15, 0.4)
            cloth += (strength * spots)[..., None] * (other - cloth)
        case "check":
            pitch = random.uniform(0.15, 0.4)
            lines = (x % pitch < pitch / 2).astype(float) + (y % pitch < pitch / 2)
            cloth += (strength * lines / 2)[..., None] * (other - cloth)
        case "blots":
            for _ in range(int(random.integers(1, 4))):
                blots = _noise(x.shape[0], random.uniform(1.5, 6), random) > random.uniform(0.3, 1.2)
                cloth += (strength * blots)[..., None] * (random.uniform(0, 255, 3) - cloth)
        case "patches":
            count, kinds = int(random.integers(8, 60)), random.uniform(0, 255, (int(random.integers(2, 6)), 3))
            seeds = np.column_stack([random.uniform(-1.2, 1.2, count), random.uniform(-0.2, 1.2, count)])
            nearest = np.argmin((x[..., None] - seeds[:, 0]) ** 2 + (y[..., None] - seeds[:, 1]) ** 2, axis=-1)
            prints = kinds[random.integers(len(kinds), size=count)][nearest]
            cloth += strength * (prints - cloth)
    return cloth


def _shade(chip: Image, x: Array, y: Array, cover: Array, random: Random) -> Array:
    """(side, side) light on the mask: that on the face beneath, the curve of the cheeks, a direction, and creases."""
    grey = chip.astype(np.float64).mean(2)
    level = float((grey * cover).sum() / max(cover.sum(), 1.0))
    beneath = cv2.GaussianBlur(grey, (0, 0), random.uniform(3, 7)) / max(level, 8.0)
    light = np.clip(beneath, 0.4, 1.6) ** random.uniform(0.1, 0.8)
    light *= np.clip(level / random.uniform(110, 150), 0.25, 1.25) ** random.uniform(0.3, 1.0)
    light *= 1 - random.uniform(0, 0.45) * np.clip(abs(x), 0, 1) ** 2
    light *= np.clip(1 + random.normal(0, 0.15) * x + random.normal(0, 0.15) * (y - 0.5), 0.3, 1.7)
    shade: Array = light * (1 + random.uniform(0, 0.08) * _noise(len(x), random.uniform(1, 5), random))
    return shade


def _noise(side: int, size: float, random: Random) -> Array:
    """(side, side) smooth noise of deviation 1, its blots about ``size`` pixels wide."""
    noise = np.asarray(cv2.GaussianBlur(random.normal(size=(side, side)), (0, 0), size), np.float64)
    return noise / max(float(noise.std()), 1e-9)


def _with_straps(image: Array, placed: Placed, mesh: Array, random: Random) -> Array:
    """The image with a cord from each upper, and often each lower, corner of the mask to the ear."""
    if random.random() < 0.25:
        return image
    canvas = np.zeros(image.shape[:2], np.uint8)
    for ear, end, toward in zip(mesh[list(EARS)], placed.ends, (-1, 1), strict=True):
        goal = ear + toward * random.uniform(0, 0.2) * placed.across + random.uniform(0, 0.25) * placed.down
        starts = [end] + ([end + random.uniform(0.2, 0.5) * placed.down] if random.random() < 0.7 else [])
        for start in starts:
            ends = [tuple(np.rint(point * 16).astype(int).tolist()) for point in (start, goal)]
            cv2.line(canvas, ends[0], ends[1], 255, 1 + int(random.random() < 0.3), cv2.LINE_AA, 4)
    colour = np.full(3, random.choice([20.0, 235.0])) * random.uniform(0.8, 1.05)
    strap: Array = image + (canvas / 255 * random.uniform(0.5, 1))[..., None] * (colour - image)
    return strap
