"""What the liveness network is trained and measured on: photographs, recorded prints, and simulated attacks.

Five folders of labelled photographs are read. ``liveness`` (NUAA) has live people and recorded prints, by subject; the
people of ``verification`` (Labeled Faces in the Wild), ``age_gender`` (All-Age-Faces) and ``head_pose`` (Pointing'04)
count as live. Attacks are simulated from live photographs of every set alike, so that no set's style tells. The people
without masks of ``mask`` (chandrikadeb7/Face-Mask-Detection, photographs from the web) are measured on, never learned
from.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from estimators.face import FaceFitter
from schemas.attributes import BOX, Box
from training import inputs
from training.attacks import KINDS, Shot
from training.faces import first_of_each_person, largest_faces

LIVE, PRINT = "live", "recorded print"  # and the kinds of simulated attacks
RECORDED, UNSEEN = "NUAA", "Face-Mask-Detection"
_SEED = 0


class Photograph(NamedTuple):
    """A photograph with a face: from which set, of whom (or its file's name), and what it is of."""

    shot: Shot
    source: str
    key: str
    name: str
    kind: str


def photographs(data: Path, fitter: FaceFitter) -> Iterator[Photograph]:
    """Those of the sets in which a face is found; of Labeled Faces in the Wild the first of each person."""
    listed: list[tuple[str, Path, str, str]] = []
    for row in inputs.label_rows(data / "liveness"):
        kind = LIVE if row["label"] == "live" else PRINT
        listed.append((RECORDED, data / "liveness" / row["path"], row["subject"], kind))
    listed += [("LFW", path, path.stem.removesuffix("_0001"), LIVE) for path in first_of_each_person(data)]
    listed += [("All-Age-Faces", path, path.name, LIVE) for path in _images(data / "age_gender")]
    listed += [("Pointing'04", path, path.name[6:8], LIVE) for path in _images(data / "head_pose")]
    listed += [(UNSEEN, path, path.name, LIVE) for path in _images(data / "mask") if path.name.startswith("none")]
    about = {path: (source, key, kind) for source, path, key, kind in listed}
    for path, face in largest_faces(fitter, sorted(about)):
        source, key, kind = about[path]
        shot = Shot(face.image, _pixels(face.attributes[BOX], face.image))
        yield Photograph(shot, source, key, path.name, kind)


def _images(folder: Path) -> list[Path]:
    return sorted((folder / "images").glob("*.jpg"))


def _pixels(box: Box, image: Image) -> NDArray[np.float64]:
    return np.asarray(np.array(box) * np.tile(image.shape[1::-1], 2), np.float64)


def box_of(shot: Shot) -> Box:
    """The box of the face in fractions of the image."""
    return Box(*(shot.box / np.tile(shot.image.shape[1::-1], 2)).tolist())


def attacks(found: Sequence[Photograph], counts: Mapping[str, int]) -> Iterator[Photograph]:
    """Live photographs attacked, each as often as ``counts`` says of its set, in one way after the other.

    Half of them are held before a photograph of the same set, so that a room that is seen behind live people alone
    does not tell. The same every time.
    """
    behind: dict[str, list[Photograph]] = {}
    for photograph in found:
        if photograph.kind == LIVE:
            behind.setdefault(photograph.source, []).append(photograph)
    kinds, sources = list(KINDS), sorted(behind)
    for source, photographs_of_it in behind.items():
        for index, photograph in enumerate(photographs_of_it):
            for turn in range(counts.get(source, 0)):
                kind = kinds[(index + turn) % len(kinds)]
                random = generator(photograph.name, kind, str(turn))
                chosen = behind[source if random.random() < 0.5 else sources[random.integers(len(sources))]]
                backdrop = chosen[random.integers(len(chosen))].shot.image
                yield photograph._replace(shot=KINDS[kind](photograph.shot, backdrop, random), kind=kind)


def generator(*names: str) -> np.random.Generator:
    """Random numbers that depend on the names alone."""
    digest = hashlib.sha256("/".join([*names, str(_SEED)]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def augmented(wide: Image, size: int, random: np.random.Generator) -> Image:
    """A part of a crop, of another exposure and colour, from a worse camera: at ``size`` x ``size``.

    Live and spoof go through the same, so that neither blur, noise, compression nor resampling alone tells them apart.
    """
    side = wide.shape[0]
    part = random.uniform(0.6, 1.0)
    tall, across = (min(max(int(side * part * random.uniform(0.92, 1.08)), 8), side) for _ in range(2))
    room = np.array([side - across, side - tall])
    left, top = np.clip(room / 2 + random.normal(0, 0.04 * side, 2), 0, room).astype(int)
    image = wide[top : top + tall, left : left + across]
    if random.random() < 0.35:
        image = _scaled(image, max(int(size * random.uniform(0.4, 0.95)), 8), cv2.INTER_AREA)
    image = _scaled(image, size, (cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_CUBIC)[random.integers(3)])
    if random.random() < 0.5:
        image = image[:, ::-1]
    values = _exposed(image.astype(np.float32), random)
    if random.random() < 0.3:
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), random.uniform(0.3, 1.4)), np.float32)
    if random.random() < 0.4:
        values = values + random.standard_normal(values.shape, np.float32) * np.float32(random.uniform(0, 10))
    image = np.asarray(np.clip(values, 0, 255), np.uint8)
    return _compressed(image, int(random.integers(25, 96))) if random.random() < 0.4 else image


def _scaled(image: Image, size: int, way: int) -> Image:
    return np.asarray(cv2.resize(image, (size, size), interpolation=way), np.uint8)


def _compressed(image: Image, quality: int) -> Image:
    """As a JPEG file makes it."""
    _, file = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)


def _exposed(values: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Another gamma, contrast, white balance and saturation."""
    if random.random() < 0.8:
        gain = random.uniform(0.75, 1.2) * random.uniform(0.9, 1.1, 3)
        level = np.clip(values / 255, 0, 1) ** np.exp(random.normal(0, 0.2))
        values = np.asarray(255 * level * gain + random.uniform(-15, 15), np.float32)
    share = np.float32(0.0 if random.random() < 0.08 else random.uniform(0.6, 1.3))
    grey = values.mean(2, keepdims=True)
    return np.asarray(grey + (values - grey) * share, np.float32)
