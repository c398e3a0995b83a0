"""What covers faces without being a mask, drawn over bare ones: hands, things held up, beards, shades and hair.

The arguments are those of ``training.synthetic_masks``.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from training.synthetic_masks import covered

Array = NDArray[np.float64]
Random = np.random.Generator

_UPPER_LIP, _LOWER_LIP, _CHIN, _NOSE_BASE, _FOREHEAD = 0, 17, 152, 2, 10
_CHEEKS = (50, 280, 205, 425)
_EYES = (33, 263)
_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_BEARD = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454)
_MOUSTACHE = (426, 423, 327, 2, 98, 203, 206)  # from the right cheek under the nose to the left one


def _blended(chip: Image, cover: Array, drawn: Array) -> Image:
    image = chip + cover[..., None] * (drawn - chip)
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


def _skin(chip: Image, mesh: Array, random: Random) -> Array:
    """(3,) the mean colour about a cheek, a little lighter or darker."""
    x, y = np.clip(np.rint(mesh[random.choice(_CHEEKS)]), 2, len(chip) - 3).astype(int)
    colour: Array = chip[y - 2 : y + 3, x - 2 : x + 3].mean((0, 1)) * random.uniform(0.75, 1.2)
    return colour


def with_hand(chip: Image, mesh: Array, random: Random) -> Image:
    """Two to four fingers and sometimes a palm of the colour of the skin, before mouth, nose, chin or cheek."""
    wide = float(np.linalg.norm(mesh[_BEARD[0]] - mesh[_BEARD[-1]]))
    target = mesh[random.choice((_UPPER_LIP, _LOWER_LIP, _CHIN, *_CHEEKS))] + random.normal(0, 0.06 * wide, 2)
    angle = random.uniform(-0.2, np.pi + 0.2)  # the hand comes from below or from a side
    away, thick = np.array([np.cos(angle), np.sin(angle)]), wide * random.uniform(0.12, 0.2)
    beside = np.array([-away[1], away[0]])
    image, skin = chip, _skin(chip, mesh, random)
    if random.random() < 0.5:
        middle = target + away * wide * random.uniform(0.4, 0.7)
        cover = _ellipse(len(chip), middle, (wide * 0.4, wide * 0.33), float(np.degrees(angle)), 1.0)
        image = _blended(image, cover, _lit(cover, skin, random))
    fingers = int(random.integers(2, 5))
    for finger in range(fingers):
        tip = target + beside * thick * 1.02 * (finger - (fingers - 1) / 2) + away * random.normal(0, 0.3) * thick
        canvas = np.zeros(chip.shape[:2], np.uint8)
        ends = [tuple(np.rint(point).astype(int).tolist()) for point in (tip, tip + away * wide * 1.5)]
        cv2.line(canvas, ends[0], ends[1], 255, max(int(thick), 1), cv2.LINE_AA)
        cover = np.asarray(cv2.GaussianBlur(canvas / 255.0, (0, 0), 0.6), np.float64)
        image = _blended(image, cover, _lit(cover, skin * random.uniform(0.93, 1.07), random))
    return image


def _lit(cover: Array, colour: Array, random: Random) -> Array:
    """(side, side, 3) a rounded thing of one colour: darker towards the edge of what it covers."""
    inside = cv2.GaussianBlur(cover, (0, 0), random.uniform(1.5, 3))
    drawn: Array = (1 - random.uniform(0.3, 0.7) * (1 - inside))[..., None] * colour
    return drawn + random.normal(0, 3, drawn.shape)


def _ellipse(side: int, middle: Array, radii: tuple[float, float], degrees: float, blur: float) -> Array:
    canvas = np.zeros((side, side), np.uint8)
    box = (tuple(middle.tolist()), (2 * radii[0], 2 * radii[1]), degrees)
    cv2.ellipse(canvas, box, 255, -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(canvas.astype(np.float64) / 255, (0, 0), blur), np.float64)


def with_thing(chip: Image, mesh: Array, random: Random) -> Image:
    """A telephone, a card, a cup or a microphone before a part of the lower face."""
    wide = float(np.linalg.norm(mesh[_BEARD[0]] - mesh[_BEARD[-1]]))
    target = mesh[random.choice((_LOWER_LIP, _CHIN, *_CHEEKS))] + random.normal(0, 0.1 * wide, 2)
    colour = random.uniform(0, 255, 3) if random.random() < 0.6 else np.full(3, random.uniform(5, 60))
    side, turn = len(chip), random.uniform(-90, 90)
    if random.random() < 0.4:  # a microphone
        cover = _ellipse(side, target, (wide * random.uniform(0.1, 0.2), wide * random.uniform(0.12, 0.26)), turn, 0.7)
    else:
        half = wide * random.uniform(0.12, 0.45, 2) * (1, 0.7)
        cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half @ np.array([[cosine, sine], [-sine, cosine]])
        cover = covered(target + corners, side, 0.6)
    drawn = np.broadcast_to(colour, chip.shape) * (1 + 0.15 * random.normal(size=(side, 1, 1)))
    if random.random() < 0.4:
        drawn = _lit(cover, colour, random)
    return _blended(chip, cover, np.asarray(drawn, np.float64))


def with_beard(chip: Image, mesh: Array, random: Random) -> Image:
    """A full beard of dark, brown, grey or white hair: rough, soft at its edge, with the lips left bare."""
    side = len(chip)
    nose, low = mesh[4], random.uniform(0.25, 0.45)
    jaw = mesh[list(_BEARD)][1:-1]
    jaw = nose + (jaw - nose) * (1 + random.uniform(0, 0.35) * np.sin(np.linspace(0, np.pi, len(jaw)))[:, None] ** 2)
    upper = mesh[list(_MOUSTACHE)] + low * 0.2 * (mesh[_CHIN] - mesh[_NOSE_BASE])
    cover = covered(np.concatenate([jaw, upper]), side, random.uniform(1.5, 3.5))
    lips = mesh[list(_LIPS)]
    bare = covered(lips.mean(0) + (lips - lips.mean(0)) * random.uniform(0.8, 1.15), side, 0.8)
    hair = np.array(((25, 20, 18), (60, 42, 30), (110, 100, 95), (170, 165, 160))[random.integers(4)], np.float64)
    strands = cv2.GaussianBlur(random.normal(size=(side, side)), (0, 0), sigmaX=0.5, sigmaY=random.uniform(0.8, 2))
    drawn = hair * (1 + 0.35 * strands[..., None] / strands.std()) + 0.15 * chip
    return _blended(chip, cover * (1 - bare) * random.uniform(0.6, 0.97), drawn)


def with_shades(chip: Image, mesh: Array, random: Random) -> Image:
    """Dark glasses, or hair or a brim down to the brows: nothing that says whether a mask is worn."""
    wide = float(np.linalg.norm(mesh[_BEARD[0]] - mesh[_BEARD[-1]]))
    colour = np.full(3, random.uniform(0, 60)) + random.uniform(0, 25, 3)
    left, right = mesh[list(_EYES)]
    turn = float(np.degrees(np.arctan2(*(right - left)[::-1])))
    if random.random() < 0.5:
        pair = [mesh[list(ends)].mean(0) for ends in ((33, 133), (362, 263))]
        radii = (wide * random.uniform(0.13, 0.19), wide * random.uniform(0.09, 0.15))
        covers = [_ellipse(len(chip), eye, radii, turn, 0.6) for eye in pair]
        cover = np.maximum(*covers) * random.uniform(0.6, 1)
    else:
        up = mesh[_FOREHEAD] - (left + right) / 2
        cover = _ellipse(
            len(chip), mesh[_FOREHEAD] + 0.1 * up, (wide * 0.65, wide * random.uniform(0.25, 0.42)), turn, 1
        )
    return _blended(chip, cover, np.broadcast_to(colour, chip.shape))
