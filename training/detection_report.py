"""Tells what detectors find, and find wrongly, at each threshold; docs/detection.md chooses their defaults by it.

    python -m training.detection_report --data FOLDER --model-folder FOLDER

The data folder has one folder a task, each with images and ``labels.csv``: ``face_boxes`` and ``body`` with boxes,
``photos`` with the number of faces, ``mask``, ``verification`` and ``liveness`` with one person before the camera, and
whoever else is in the picture. Thresholds are to be chosen by the half that may be fitted to; the other one confirms.

A box is found where one overlaps it by half (intersection over union); what is found beside the labelled boxes counts
as false, even where it is a face that the labels leave out. F2 is F1 with a miss counted for more than a false box.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from estimators.base import Image
from estimators.body import BodyDetector
from estimators.boxes import Array, Detections, overlaps
from estimators.face import finder
from eval.split import held_out, key
from models import Model, ModelStore
from schemas.attributes import BOX, CONFIDENCE
from schemas.dialect import Picture
from schemas.image import decode
from training import inputs
from training.faces import open_store

THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
_LEAST = 0.05  # what is less sure than this is not looked at
_AGREEMENT = 0.35  # intersection over union above which two networks mean the same face


class Counts(NamedTuple):
    """Over some images: boxes that are there, of these found, and others found."""

    labelled: int
    found: int
    false: int

    def f(self, beta: float) -> float:
        """The F measure, in which a miss weighs ``beta`` squared times as much as a false box."""
        weight = beta * beta
        return (1 + weight) * self.found / max((1 + weight) * self.found + weight * self.missed + self.false, 1)

    @property
    def missed(self) -> int:
        return self.labelled - self.found


def counts(labelled: Sequence[Array], found: Sequence[Detections], threshold: float) -> Counts:
    """Boxes (n, 4) of each image against what is found in it, each labelled box taken once, by the surest first."""
    hits = total = 0
    for boxes, detections in zip(labelled, found, strict=True):
        sure = detections.boxes[detections.scores >= threshold]
        total += len(sure)
        free = np.ones(len(boxes), np.bool_)
        for box in sure:
            shares = overlaps(box, boxes) * free
            if shares.size and shares.max() >= 0.5:
                free[shares.argmax()] = False
                hits += 1
    return Counts(sum(map(len, labelled)), hits, total - hits)


def main_faces(one: Sequence[Detections], other: Sequence[Detections]) -> list[Array]:
    """Of each image the largest face that two networks agree on, however unsure they are: (1, 4), or (0, 4) for none.

    It stands in for a label where there is one person but no box.
    """
    return [_main_face(*pair) for pair in zip(one, other, strict=True)]


def _main_face(one: Detections, other: Detections) -> Array:
    agreed = []
    for box in one.boxes:
        shares = overlaps(box, other.boxes)
        if shares.size and shares.max() >= _AGREEMENT:
            agreed.append((float((box[2:] - box[:2]).prod()), (box + other.boxes[shares.argmax()]) / 2))
    return np.array([max(agreed, key=lambda face: face[0])[1]]) if agreed else np.zeros((0, 4))


def main() -> None:
    parser = inputs.parser("Tells recall and false boxes of the detectors by threshold.")
    arguments = parser.parse_args()
    data, store = arguments.data, open_store(arguments.model_folder)
    _boxed(data / "body", _networks(store, "body-detection", _bodies))
    faces = _networks(store, "face-detection", _faces)
    _boxed(data / "face_boxes", faces)
    _photos(data / "photos", faces)
    for task, column in (("mask", "mask"), ("verification", ""), ("liveness", "label")):
        _people(data / task, column, faces)


Finds = Callable[[Image], Detections]


def _networks(store: ModelStore, task: str, finds: Callable[[Model], Finds]) -> dict[str, Finds]:
    """What finds objects in an image, by the name of its network, for each that is here."""
    specs = [choice[0] for choice in store.manifest.choices(task) if store.has(choice[0])]
    return {spec.name: finds(store.load(spec)) for spec in specs}


def _faces(model: Model) -> Finds:
    return lambda image: finder.faces(model, image, _LEAST)


def _bodies(model: Model) -> Finds:
    detector = BodyDetector({"body-detection": [model]})

    def found(image: Image) -> Detections:
        [bodies] = detector.detect([image], _LEAST)
        height, width = image.shape[:2]
        boxes = np.array([body[BOX] for body in bodies]).reshape(-1, 4) * [width, height, width, height]
        return Detections(boxes, np.array([body[CONFIDENCE] for body in bodies]), np.zeros((len(bodies), 0, 2)))

    return found


def _found(finds: Finds, folder: Path, paths: Sequence[str]) -> dict[str, Detections]:
    return {path: finds(decode(Picture((folder / path).read_bytes()))) for path in paths}


def _boxes(folder: Path) -> dict[str, Array]:
    """The labelled boxes (n, 4) of each image, in pixels."""
    boxes = defaultdict(list)
    for row in inputs.label_rows(folder):
        boxes[row["path"]].append([float(row[side]) for side in ("xmin", "ymin", "xmax", "ymax")])
    return {path: np.array(each) for path, each in boxes.items()}


def _report(title: str, labels: Mapping[str, Array], found: Mapping[str, Detections], keys: Mapping[str, str]) -> None:
    """Prints recall, false boxes of an image, and their balance; ``keys`` decide the half of each path."""
    for half in (False, True):
        paths = [path for path in labels if held_out(keys[path]) == half]
        boxes, detections = [labels[path] for path in paths], [found[path] for path in paths]
        print(f"{title}, {'held-out' if half else 'training'} half: {len(paths)} images, {sum(map(len, boxes))} boxes")
        for threshold in THRESHOLDS:
            told = counts(boxes, detections, threshold)
            recall, false = told.found / max(told.labelled, 1), told.false / max(len(paths), 1)
            print(f"  {threshold:.2f}: recall {recall:.3f}, {false:.2f} false, F1 {told.f(1):.3f}, F2 {told.f(2):.3f}")


def _boxed(folder: Path, networks: Mapping[str, Finds]) -> None:
    labels = _boxes(folder)
    for name, finds in networks.items():
        found = _found(finds, folder, list(labels))
        _report(f"{folder.name}, {name}", labels, found, {path: key(folder.name, path) for path in labels})


def _photos(folder: Path, networks: Mapping[str, Finds]) -> None:
    """The photographs are too few to be halved."""
    labels = {row["path"]: int(row["faces"]) for row in inputs.label_rows(folder)}
    for name, finds in networks.items():
        found = _found(finds, folder, list(labels))
        print(f"photos, {name}: {len(labels)} images, {sum(labels.values())} faces")
        for threshold in THRESHOLDS:
            off = [int((found[path].scores >= threshold).sum()) - labels[path] for path in labels]
            print(f"  {threshold:.2f}: {off.count(0)} with the right number, {sum(map(abs, off))} faces off")


def _people(folder: Path, column: str, networks: Mapping[str, Finds]) -> None:
    """One person before the camera, by the value of a column: whether that face is found, and how many others."""
    rows = {row[name]: row for row in inputs.label_rows(folder) for name in row if name.startswith("path")}
    keys = {path: key(folder.name, path) for path in rows}
    found = {name: _found(finds, folder, list(rows)) for name, finds in networks.items()}
    first, *_, last = [list(each.values()) for each in found.values()] * 2
    faces = dict(zip(rows, main_faces(first, last), strict=True))
    for value in sorted({row.get(column, "") for row in rows.values()}):
        chosen = {path: faces[path] for path, row in rows.items() if row.get(column, "") == value}
        for name, detections in found.items():
            _report(f"{folder.name} {column} {value}".strip() + f", {name}", chosen, detections, keys)


if __name__ == "__main__":
    main()
