"""Simulated presentation attacks: a photograph of a face, printed or shown on a screen, and photographed again.

Each kind of attack makes of a photograph and a backdrop what a camera would see of that photograph held before it.
None of it is a recording of a real attack: what is drawn here is what such recordings are known to show.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from training.surfaces import Float, bezelled, bordered, displayed, fingers, glare, interference, printed, slope

_FRAMES = ((360, 480), (360, 360), (480, 360))  # height, width of what the camera delivers, pixels


class Shot(NamedTuple):
    """A photograph, RGB uint8 (height, width, 3), and a face in it, (left, top, right, bottom) in pixels."""

    image: Image
    box: NDArray[np.float64]


class _Surface(NamedTuple):
    """What is held before the camera, as ``Shot`` but float32 0..255."""

    image: Float
    box: NDArray[np.float64]


Random = np.random.Generator
Attack = Callable[[Shot, Image, Random], Shot]


def held_print(shot: Shot, backdrop: Image, random: Random) -> Shot:
    """A sheet of paper, flat or bent, with its edges in sight."""
    return _held(_sheet(_portrait(shot, random), random, border=0.15), backdrop, random, bend=random.uniform(0, 0.12))


def cut_print(shot: Shot, backdrop: Image, random: Random) -> Shot:
    """A print cut off close around the head, without a white border."""
    surface = _sheet(_portrait(shot, random, 0.15, 0.6), random, border=0.0)
    return _held(surface, backdrop, random, bend=random.uniform(0, 0.2))


def close_print(shot: Shot, backdrop: Image, random: Random) -> Shot:
    """A print that fills the frame: no edge tells."""
    del backdrop
    return _filling(_sheet(_whole(shot), random, border=0.0), random)


def held_screen(shot: Shot, backdrop: Image, random: Random) -> Shot:
    """A telephone or a tablet, its bezel in sight."""
    face = _portrait(shot, random)
    image, origin = bezelled(displayed(face.image, random), random)
    return _held(_Surface(image, face.box + np.tile(origin, 2)), backdrop, random, bend=0.0, screen=True)


def close_screen(shot: Shot, backdrop: Image, random: Random) -> Shot:
    """A screen that fills the frame: no edge tells."""
    del backdrop
    face = _whole(shot)
    return _filling(_Surface(displayed(face.image, random), face.box), random, screen=True)


KINDS: Mapping[str, Attack] = {
    "held print": held_print,
    "cut print": cut_print,
    "close print": close_print,
    "held screen": held_screen,
    "close screen": close_screen,
}


def _whole(shot: Shot) -> _Surface:
    return _Surface(shot.image.astype(np.float32), shot.box)


def _portrait(shot: Shot, random: Random, least: float = 0.3, most: float = 1.2) -> _Surface:
    """The photograph cut off around the face, with ``least`` to ``most`` of the box's sides around it."""
    height, width = shot.image.shape[:2]
    left, top, right, bottom = shot.box
    margins = random.uniform(least, most, 4) * np.tile([right - left, bottom - top], 2)
    first = np.clip(np.floor([left - margins[0], top - margins[1]]), 0, [width - 2, height - 2]).astype(int)
    last = np.clip(np.ceil([right + margins[2], bottom + margins[3]]), first + 2, [width, height]).astype(int)
    cut = shot.image[first[1] : last[1], first[0] : last[0]].astype(np.float32)
    return _Surface(cut, shot.box - np.tile(first, 2))


def _sheet(face: _Surface, random: Random, border: float) -> _Surface:
    image, origin = bordered(printed(face.image, random), random, border)
    return _Surface(image, face.box + np.tile(origin, 2))


def _held(surface: _Surface, backdrop: Image, random: Random, bend: float, screen: bool = False) -> Shot:
    """The surface before a backdrop, turned, in perspective and perhaps bent, as a camera sees it."""
    height, width = _FRAMES[random.integers(len(_FRAMES))]
    left, top, right, bottom = surface.box
    zoom = random.uniform(0.28, 0.6) * height / max(bottom - top, 1.0)
    middle = np.array([random.uniform(0.38, 0.62) * width, random.uniform(0.38, 0.6) * height])
    matrix = _perspective(surface, zoom, middle, random)
    scene = _backdrop(backdrop, height, width, random)
    sheet, opacity = _bent(surface.image, bend, random)
    seen = cv2.warpPerspective(sheet, matrix, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpPerspective(opacity, matrix, (width, height), flags=cv2.INTER_LINEAR)
    if screen:
        seen = interference(np.asarray(seen, np.float32), random)
    shadow = 1 - random.uniform(0, 0.4) * cv2.GaussianBlur(mask, (0, 0), random.uniform(3, 20))
    mask = mask[..., None]
    frame = scene * shadow[..., None] * (1 - mask) + seen * mask
    if random.random() < 0.5:
        frame = fingers(frame, _moved(_corners(surface.image), matrix), random)
    frame = glare(frame, middle, zoom * (right - left), random)
    return _shot(frame, surface.box, matrix)


def _filling(surface: _Surface, random: Random, screen: bool = False) -> Shot:
    """A part of the surface, face and all, in a frame of about the surface's own shape."""
    height, width = surface.image.shape[:2]
    zoom = random.uniform(1.05, 1.35)
    least = np.minimum(surface.box[:2] * zoom, 0)  # the face stays in the frame
    shift = np.clip(surface.box.reshape(2, 2).mean(0) * (1 - zoom), [width * (1 - zoom), height * (1 - zoom)], least)
    corners = _corners(surface.image)
    jitter = random.uniform(0, 0.02, (4, 2)) * [width, height] * [[-1, -1], [1, -1], [1, 1], [-1, 1]]
    matrix = _homography(corners, corners * zoom + shift + jitter)
    image = surface.image
    seen = cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    frame = np.asarray(seen, np.float32)
    frame = interference(frame, random) if screen else frame
    middle = _moved(surface.box.reshape(2, 2), matrix).mean(0)
    return _shot(glare(frame, middle, float(surface.box[2] - surface.box[0]), random), surface.box, matrix)


def _shot(frame: Float, box: NDArray[np.float64], matrix: NDArray[np.float64]) -> Shot:
    """The frame as an image, with the box about the four corners of the moved one."""
    left, top, right, bottom = box
    corners = _moved(np.array([[left, top], [right, top], [right, bottom], [left, bottom]]), matrix)
    rows, columns = (np.sort(corners[:, axis]) for axis in (1, 0))
    moved = [columns[:2].mean(), rows[:2].mean(), columns[2:].mean(), rows[2:].mean()]
    return Shot(np.asarray(np.clip(np.rint(frame), 0, 255), np.uint8), np.array(moved))


def _homography(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3): takes four points (4, 2) to four others."""
    return np.asarray(cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32)), np.float64)


def _corners(image: Float) -> NDArray[np.float64]:
    height, width = image.shape[:2]
    return np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])


def _moved(points: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(cv2.perspectiveTransform(points[None].astype(np.float64), matrix)[0], np.float64)


def _perspective(surface: _Surface, zoom: float, middle: NDArray[np.float64], random: Random) -> NDArray[np.float64]:
    """(3, 3): the surface enlarged, turned by up to 15 degrees or so, tilted, its face's centre at ``middle``."""
    centre = surface.box.reshape(2, 2).mean(0)
    angle = np.radians(np.clip(random.normal(0, 6), -20, 20))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = _corners(surface.image)
    tilt = random.uniform(-0.05, 0.05, (4, 2)) * zoom * surface.image.shape[1::-1]
    target = (corners - centre) @ turn.T * zoom + tilt
    matrix = _homography(corners, target)
    shift = np.eye(3)
    shift[:2, 2] = middle - _moved(centre[None], matrix)[0]
    return np.asarray(shift @ matrix, np.float64)


def _backdrop(image: Image, height: int, width: int, random: Random) -> Float:
    """What is behind: the whole of an image or a part of it, sharp or not; or a plain wall."""
    if random.random() < 0.2:
        wall = random.uniform(30, 230) + random.normal(0, 12, 3) + slope(-40, 40, width, random)[:, None]
        return np.broadcast_to(np.clip(wall, 0, 255).astype(np.float32), (height, width, 3))
    rows, columns = image.shape[:2]
    part = random.uniform(0.5, 1.0)
    tall, wide = max(int(rows * part), 1), max(int(columns * part), 1)
    top, left = random.integers(rows - tall + 1), random.integers(columns - wide + 1)
    part_of_it = cv2.resize(image[top : top + tall, left : left + wide], (width, height))
    scene = np.asarray(part_of_it, np.float32)
    if random.random() < 0.4:
        scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), random.uniform(1, 8)), np.float32)
    return np.asarray(scene * random.uniform(0.6, 1.1), np.float32)


def _bent(image: Float, bend: float, random: Random) -> tuple[Float, Float]:
    """The surface bent about an upright axis, with the shade that gives, and its opacity: 0 or 1, (height, width)."""
    height, width = image.shape[:2]
    opacity = np.ones((height, width), np.float32)
    if bend < 0.01:
        return image, opacity
    across = np.linspace(-1, 1, width, dtype=np.float32) + np.float32(random.uniform(-0.5, 0.5))
    lift = (bend * height * 0.5 * (across**2 - 0.5)).astype(np.float32)
    columns = np.broadcast_to(np.arange(width, dtype=np.float32), (height, width))
    rows = np.arange(height, dtype=np.float32)[:, None] + lift[None, :]
    shade = 1 + np.float32(random.uniform(-3, 3) * bend) * across
    moved = cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = ((rows >= 0) & (rows <= height - 1)).astype(np.float32)
    return np.asarray(moved * shade[None, :, None], np.float32), inside
