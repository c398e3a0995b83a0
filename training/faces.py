"""Photographs of faces, as the scripts about quality measures want them: decoded, fitted, one face each."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from estimators.face import FaceFitter
from estimators.geometry import pixel_points
from estimators.quality.view import FaceView, face_view
from models import ModelStore
from schemas.attributes import BOX, KEYPOINT_NAMES, KEYPOINTS, Attributes
from schemas.dialect import Picture
from schemas.image import decode

Array = NDArray[np.float64]

_LONGEST = 640  # pixels: larger photographs are shrunk, to save time
_UNSURE = 0.3  # masked faces are detected with less confidence


class Face(NamedTuple):
    """A photograph, RGB uint8 (height, width, 3), and the one face in it that counts."""

    image: Image
    attributes: Attributes

    @property
    def points(self) -> Array:
        """(21, 2) in pixels."""
        return pixel_points(self.attributes[KEYPOINTS], self.image)

    @property
    def eyes(self) -> Array:
        """The eye centres, image-left one first, (2, 2) in pixels."""
        return self.points[[KEYPOINT_NAMES.index("left_eye"), KEYPOINT_NAMES.index("right_eye")]]

    @property
    def apart(self) -> float:
        """Pixels between the eyes."""
        return float(np.linalg.norm(self.eyes[0] - self.eyes[1]))

    def view(self) -> FaceView:
        """What the quality measures look at."""
        return face_view(self.image, self.attributes)


def open_store(folder: Path) -> ModelStore:
    """The models in a folder of .onnx files."""
    return ModelStore(cache=folder, mirror=folder)


def open_fitter(store: ModelStore) -> FaceFitter:
    return FaceFitter({task: store.open(task) for task in FaceFitter.tasks})


def photograph(path: Path) -> Image:
    """A photograph of at most 640 x 640 pixels."""
    image = decode(Picture(path.read_bytes()))
    zoom = min(1.0, _LONGEST / max(image.shape))
    if zoom < 1:
        image = np.asarray(cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(image)


def largest_face(fitter: FaceFitter, image: Image) -> Face | None:
    """The widest face; one that the detector is less sure of than usual only where there is no other."""
    found = fitter.detect([image])[0] or fitter.detect([image], threshold=_UNSURE)[0]
    return Face(image, max(found, key=lambda face: face[BOX].right - face[BOX].left)) if found else None


def largest_faces(fitter: FaceFitter, paths: Iterable[Path]) -> Iterator[tuple[Path, Face]]:
    """The widest face of each photograph that has one."""
    for path in paths:
        face = largest_face(fitter, photograph(path))
        if face is not None:
            yield path, face


def first_of_each_person(folder: Path) -> list[Path]:
    """The photographs of Labeled Faces in the Wild that end in 0001: one of each person, by name."""
    return sorted((folder / "verification" / "images").glob("*_0001.jpg"))
