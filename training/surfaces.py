"""What paper and screens do to a photograph: colours, textures, grids, borders, glare. Float32 RGB, 0..255."""

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]  # (height, width, 3) or (height, width)
Random = np.random.Generator

_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # of ITU-R BT.601


def printed(image: Float, random: Random) -> Float:
    """Ink on paper: softer, paler, with fewer colours, perhaps a halftone, and the paper's own texture."""
    image = _soft(image, random.uniform(0, 0.012))
    image = _saturated(image, 0.0 if random.random() < 0.06 else random.uniform(0.4, 1.05))
    ink = random.uniform(5, 60) + random.normal(0, 6, 3)
    paper = random.uniform(185, 250) + random.normal(0, 8, 3)
    image = _between(image, ink, paper, random.uniform(0.7, 1.4, 1) * random.uniform(0.92, 1.08, 3))
    if random.random() < 0.5:
        image = _halftone(image, random)
    height, width = image.shape[:2]
    grain = cv2.GaussianBlur(random.standard_normal((height, width), np.float32), (0, 0), random.uniform(0.5, 2.0))
    strength = random.uniform(0, 0.03) / max(float(grain.std()), 1e-6)
    return np.asarray(image * (1 + strength * grain[..., None]), np.float32)


def displayed(image: Float, random: Random) -> Float:
    """Light of a screen: another white point and contrast, black that is not black, bands of brightness."""
    image = _soft(image, random.uniform(0, 0.006))
    image = _saturated(image, random.uniform(0.75, 1.35))
    black = random.uniform(0, 35) + random.normal(0, 4, 3)
    white = random.uniform(190, 285) * (1 + random.uniform(-0.12, 0.12) * np.array([-1.0, 0.1, 1.0]))
    image = _between(image, black, white, random.uniform(0.65, 1.35, 1) * random.uniform(0.94, 1.06, 3))
    height, width = image.shape[:2]
    falloff = slope(0.8, 1.1, width, random)[None, :] * slope(0.8, 1.1, height, random)[:, None]
    if random.random() < 0.3:
        bands = np.sin(np.arange(height) * 2 * np.pi * random.uniform(1, 6) / height + random.uniform(0, 6.3))
        falloff = falloff * (1 + random.uniform(0.02, 0.1) * bands)[:, None]
    return np.asarray(np.clip(image * falloff[..., None], 0, 255), np.float32)


def interference(image: Float, random: Random) -> Float:
    """The screen's grid of red, green and blue as the camera's own grid samples it: fine lines and wide moire."""
    rows, columns = np.indices(image.shape[:2], np.float32)
    pattern = np.zeros_like(image)
    if random.random() < 0.8:  # the grid
        angle, period = np.radians(random.normal(0, 5)), random.uniform(2.0, 5.0)
        across = (columns * np.cos(angle) + rows * np.sin(angle)) * np.float32(2 * np.pi / period)
        along = (rows * np.cos(angle) - columns * np.sin(angle)) * np.float32(2 * np.pi / period)
        thirds = np.arange(3, dtype=np.float32) * np.float32(2 * np.pi / 3)
        pattern += np.float32(random.uniform(0.03, 0.2)) * (
            np.cos(across[..., None] + thirds) + np.cos(along)[..., None]
        )
    for _ in range(random.integers(0 if random.random() < 0.3 else 1, 4)):  # its beat with the camera's
        angle, period = random.uniform(0, np.pi), np.exp(random.uniform(np.log(5), np.log(60)))
        bow = random.uniform(-1, 1, 2) * 20 / max(image.shape[:2]) ** 2
        phase = columns * np.cos(angle) + rows * np.sin(angle) + bow[0] * columns**2 + bow[1] * rows**2
        wave = np.cos(
            phase[..., None] * np.float32(2 * np.pi / period) + random.uniform(0, 2, 3) * random.uniform(0, 2)
        )
        pattern += np.float32(random.uniform(0.01, 0.1)) * wave
    return np.asarray(np.clip(image * (1 + pattern), 0, 255), np.float32)


def bordered(image: Float, random: Random, most: float) -> tuple[Float, NDArray[np.float64]]:
    """The print with white paper around it, up to ``most`` of its sides, and (x, y) of the photograph in it."""
    height, width = image.shape[:2]
    left, right, top, bottom = (random.uniform(0, most, 4) * np.repeat([width, height], 2)).astype(int).tolist()
    if random.random() < 0.3:
        left = right = top = bottom = 0
    colour = (random.uniform(190, 250) + random.normal(0, 5, 3)).tolist()
    framed = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=[*colour, 0.0])
    return np.asarray(framed, np.float32), np.array([left, top], np.float64)


def bezelled(image: Float, random: Random) -> tuple[Float, NDArray[np.float64]]:
    """The screen with its edge, dark more often than light, and perhaps bars of buttons; (x, y) of the photograph."""
    height, width = image.shape[:2]
    sides = random.uniform(0.02, 0.14, 4) * [height, height, width, width]
    top, bottom, left, right = sides.astype(int).tolist()
    grey = random.uniform(5, 50) if random.random() < 0.8 else random.uniform(180, 240)
    above, below = random.integers(0, height // 4, 2).tolist() if random.random() < 0.4 else (0, 0)
    tint = [float(random.uniform(0, 60) if random.random() < 0.6 else random.uniform(200, 255))] * 3
    shown = cv2.copyMakeBorder(image, above, below, 0, 0, cv2.BORDER_CONSTANT, value=[*tint, 0.0])
    framed = cv2.copyMakeBorder(shown, top, bottom, left, right, cv2.BORDER_CONSTANT, value=[grey] * 3 + [0.0])
    return np.asarray(framed, np.float32), np.array([left, top + above], np.float64)


def fingers(image: Float, corners: NDArray[np.float64], random: Random) -> Float:
    """Fingers, each from outside over an edge of the surface whose ``corners`` (4, 2) are given in pixels."""
    image = np.ascontiguousarray(image, np.float32)
    skin = random.uniform(90, 240) * np.array([1.0, random.uniform(0.62, 0.8), random.uniform(0.45, 0.7)])
    size = np.linalg.norm(corners[1] - corners[0])
    for side in random.choice([1, 2, 3], random.integers(1, 3), replace=False):
        first, second = corners[side], corners[(side + 1) % 4]
        outward = np.array([second[1] - first[1], first[0] - second[0]]) / max(np.linalg.norm(second - first), 1e-6)
        for place in random.uniform(0.3, 0.7) + np.arange(random.integers(1, 5)) * 0.09:
            edge = first + (second - first) * place
            tip, root = edge - outward * size * random.uniform(0.02, 0.1), edge + outward * size * 0.4
            start, end = (np.clip(point, -9999, 9999).astype(int).tolist() for point in (tip, root))
            thick = max(int(0.09 * size), 2)
            cv2.line(image, start, end, (0.8 * skin).tolist(), thick, cv2.LINE_AA)
            cv2.line(
                image, start, end, (skin * random.uniform(0.9, 1.05)).tolist(), max(int(0.8 * thick), 1), cv2.LINE_AA
            )
    return image


def glare(image: Float, middle: NDArray[np.float64], size: float, random: Random) -> Float:
    """A lamp or a window reflected near the face, in half of the images."""
    if random.random() < 0.5:
        return image
    spot: Float = np.zeros(image.shape[:2], np.float32)
    x, y = (middle + random.normal(0, 0.8 * size, 2)).tolist()
    wide, tall = (random.uniform(0.15, 0.9, 2) * size).tolist()
    if random.random() < 0.6:
        centre, axes = (int(x), int(y)), (max(int(wide), 1), max(int(tall), 1))
        cv2.ellipse(spot, centre, axes, random.uniform(0, 180), 0, 360, 1.0, -1)
    else:
        shape = cv2.boxPoints(((x, y), (2 * wide, 2 * tall), random.uniform(-30, 30)))
        cv2.fillPoly(spot, [shape.astype(np.int32)], 1.0)
    spot = np.asarray(cv2.GaussianBlur(spot, (0, 0), max(random.uniform(0.02, 0.4) * size, 0.5)), np.float32)
    return np.asarray(image + (255 - image) * spot[..., None] * np.float32(random.uniform(0.1, 0.7)), np.float32)


def _soft(image: Float, sigma: float) -> Float:
    """Blurred by ``sigma``, a fraction of the longer side."""
    pixels = sigma * max(image.shape[:2])
    return image if pixels < 0.3 else np.asarray(cv2.GaussianBlur(image, (0, 0), pixels), np.float32)


def slope(least: float, most: float, length: int, random: Random) -> NDArray[np.float64]:
    """(length,) from one value to another, both between ``least`` and ``most``."""
    first, last = random.uniform(least, most, 2).tolist()
    return np.linspace(first, last, length)


def _saturated(image: Float, share: float) -> Float:
    grey = (image @ _GREY)[..., None]
    return np.asarray(grey + (image - grey) * np.float32(share), np.float32)


def _between(image: Float, dark: NDArray[np.float64], bright: NDArray[np.float64], gamma: NDArray[np.float64]) -> Float:
    """The image's levels bent by ``gamma`` and brought between two colours, (3,) each."""
    level = np.clip(image / 255, 0, 1) ** gamma
    return np.asarray(dark + (bright - dark) * level, np.float32)


def _halftone(image: Float, random: Random) -> Float:
    """Rows of dots, one angle an ink; strongest where the tone is half."""
    rows, columns = np.indices(image.shape[:2], np.float32)
    period, strength = random.uniform(2.0, 5.0), random.uniform(0.05, 0.35)
    dots = np.empty_like(image)
    for ink, degrees in enumerate((15, 75, 45)):  # the usual angles of cyan, magenta and black
        angle = np.radians(degrees + random.normal(0, 3))
        first, second = columns * np.cos(angle) + rows * np.sin(angle), rows * np.cos(angle) - columns * np.sin(angle)
        dots[..., ink] = np.cos(first * (2 * np.pi / period)) * np.cos(second * (2 * np.pi / period))
    half = 4 * np.clip(image / 255, 0, 1) * (1 - np.clip(image / 255, 0, 1))
    return np.asarray(image + 255 * np.float32(strength) * dots * half * 0.5, np.float32)
