"""The faces that the mask network learns from and is measured on, and the halves kept apart."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from estimators.boxes import fractions
from estimators.face import finder, mesh
from estimators.geometry import square_crop, square_matrix
from eval.split import held_out, key
from models import Model
from schemas.attributes import Box
from schemas.dialect import Picture
from schemas.image import decode
from training import inputs

CHIP, CHIP_SCALE = 128, 2.2  # pixels; a chip's side over the longer side of the detected box
CENTRAL = Box(*(0.5 + way / 2 / CHIP_SCALE for way in (-1, -1, 1, 1)))  # the detected box of a chip
UNSURE = 0.3  # masked faces are detected with less confidence
_HASHED = 32  # pixels of the picture whose lowest 8 x 8 frequencies are hashed
_ALIKE, _ALIKE_FACES = 12, 8  # of the 64 bits of a hash, in which copies of a photograph or a face differ at most

SETS = ("mask", "age_gender", "verification", "head_pose", "emotion", "eyes", "liveness")


class Photograph(NamedTuple):
    """The largest face of a photograph."""

    path: Path
    image: Image
    box: Box
    score: float  # the detector's own
    pixels: NDArray[np.float64]  # (4,) the box, and
    points: NDArray[np.float64]  # (5, 2) the detector's points, from the image's top-left corner


class Chip(NamedTuple):
    """A face cut from its photograph with room about it."""

    image: Image  # (CHIP, CHIP, 3) with the detected box in the middle
    mesh: NDArray[np.float64]  # (468, 2) in pixels of the chip
    flag: float  # how sure the mesh is of showing a face
    masked: bool


def labelled(data: Path, name: str) -> dict[Path, bool]:
    """By photograph of a set whether the face wears a mask; those of sets without such labels are all bare."""
    folder = data / name
    if name != "mask":
        return dict.fromkeys(sorted((folder / "images").iterdir()), False)
    return {folder / row["path"]: row["mask"] == "1" for row in inputs.label_rows(folder)}


def half(paths: Iterable[Path], name: str, held: bool) -> list[Path]:
    """The photographs of a set that belong to the held-out half, or those that do not."""
    return [path for path in paths if held_out(key(name, path)) == held]


def detected_faces(detector: Model, paths: Iterable[Path], threshold: float = UNSURE) -> Iterator[Photograph]:
    """The largest face of each photograph that has one."""
    for path in paths:
        face = detected_face(detector, path, decode(Picture(path.read_bytes())), threshold)
        if face is not None:
            yield face


def detected_face(detector: Model, path: Path, image: Image, threshold: float = UNSURE) -> Photograph | None:
    """The largest face of an image, where one is found."""
    found = finder.faces(detector, image, threshold)
    if not len(found.scores):
        return None
    largest = int(np.argmax(np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1)))
    pixels, points, score = found.boxes[largest], found.points[largest], float(found.scores[largest])
    return Photograph(path, image, fractions(pixels, image), score, pixels, points)


def chip(landmarks: Model, face: Photograph, masked: bool) -> Chip:
    """What is kept of a photograph for training."""
    (fitted,) = mesh.fit_meshes(landmarks, [face.image], [mesh.square_of_box(face.pixels, face.points)])
    matrix = square_matrix(face.image, face.box, CHIP_SCALE, CHIP)
    points = fitted.points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    return Chip(square_crop(face.image, face.box, CHIP_SCALE, CHIP), points, fitted.flag, masked)


def copies(faces: Sequence[Photograph], others: Sequence[Photograph]) -> list[tuple[Photograph, Photograph]]:
    """Those of the ``faces`` that look like one of the ``others``, mirrored or not, and which.

    Alike are whole photographs, and faces with something about them, that a perceptual hash hardly tells apart. Faces
    look like one another, so most pairs show two persons: the limits are such that no copy seen by eye gets through.
    """
    found = {}
    for hashed, most in ((_hash_of_photograph, _ALIKE), (_hash_of_face, _ALIKE_FACES)):
        hashes = np.array([hashed(other, False) for other in others])
        for face in faces:
            unlike = np.minimum(*((hashes != hashed(face, mirrored)).sum(1) for mirrored in (False, True)))
            if unlike.min() <= most:
                found[face.path] = (face, others[int(np.argmin(unlike))])
    return list(found.values())


def _hash_of_photograph(face: Photograph, mirrored: bool) -> NDArray[np.bool_]:
    return _hash(face.image, mirrored)


def _hash_of_face(face: Photograph, mirrored: bool) -> NDArray[np.bool_]:
    return _hash(square_crop(face.image, face.box, 1.5, 2 * _HASHED), mirrored)


def _hash(image: Image, mirrored: bool) -> NDArray[np.bool_]:
    """(64,) the perceptual hash: which of the lowest frequencies of a picture are stronger than their median."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey[:, ::-1] if mirrored else grey, (_HASHED, _HASHED), interpolation=cv2.INTER_AREA)
    low = np.asarray(cv2.dct(small.astype(np.float64))[:8, :8], np.float64).ravel()
    bits: NDArray[np.bool_] = low > np.median(low[1:])
    return bits
