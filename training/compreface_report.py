"""Prints what CompreFace's interface says of labelled faces, and how often it is right: figures of docs/compreface.md.

    python -m training.compreface_report --data FOLDER --model-folder FOLDER

Similarity: of the labelled pairs in ``verification`` (Labeled Faces in the Wild), which lie on the right side of .5 and
of other thresholds, for each kind of templates; of several faces in an image the largest counts, as with ``limit=1``,
and where there is none the pair counts as of different people. Age: the share of people in the held-out half of
``age_gender`` whose age lies in the range that is told.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compat.compreface.answers import AGE_MARGIN, similarity
from estimators.age import AgeEstimator
from estimators.calibration import TABLES
from estimators.face import FaceFitter
from estimators.matcher import VerifyMatcher
from estimators.template import TemplateExtractor
from eval.split import held_out, key
from models import ModelStore
from schemas.attributes import AGE, BOX, Attributes, Box
from schemas.dialect import Picture
from schemas.image import decode
from training import inputs
from training.faces import open_fitter, open_store

_THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.85)
_WHOLE = Attributes({BOX: Box(0, 0, 1, 1)})  # what an image without a face is taken for, to tell an age

Image = NDArray[np.uint8]  # (height, width, 3), RGB


def main() -> None:
    arguments = inputs.parser("Measures CompreFace's similarity and ages.").parse_args()
    store = open_store(arguments.model_folder)
    fitter = open_fitter(store)
    _similarities(arguments.data / "verification", store, fitter)
    _ages(arguments.data / "age_gender", store, fitter)


def _similarities(folder: Path, store: ModelStore, fitter: FaceFitter) -> None:
    rows = inputs.label_rows(folder)
    same = np.array([row["same"] == "1" for row in rows])
    photos = {name: _photo(folder / name) for row in rows for name in (row["path_a"], row["path_b"])}
    faces = {name: found for name, photo in photos.items() if (found := _largest(fitter, photo)) is not None}
    for name in TABLES:
        choices = store.manifest.choices("template")
        model = next(spec for choice in choices for spec in choice if spec.architecture == name)
        extractor = TemplateExtractor({"template": [store.load(model)]})
        made = {each: extractor.estimate([extractor.view(photos[each], faces[each])])[0] for each in faces}
        told = _told([(row["path_a"], row["path_b"]) for row in rows], made)
        for threshold in _THRESHOLDS:
            right, wrong = told[same] >= threshold, told[~same] < threshold
            accuracy = (right.sum() + wrong.sum()) / len(rows)
            print(
                f"| `{name}` | {threshold} | {right.sum()} of {same.sum()} | {wrong.sum()} of {(~same).sum()} "
                f"| {100 * accuracy:.1f} % |"
            )


def _told(pairs: Sequence[tuple[str, str]], made: Mapping[str, Attributes]) -> NDArray[np.float64]:
    """(n,) similarities of pairs of images."""
    matcher = VerifyMatcher({})
    return np.array(
        [
            similarity(matcher.match([(made[one], made[other])])[0]) if one in made and other in made else 0.0
            for one, other in pairs
        ]
    )


def _ages(folder: Path, store: ModelStore, fitter: FaceFitter) -> None:
    rows = [row for row in inputs.label_rows(folder) if held_out(key("age_gender", row["path"]))]
    estimator = AgeEstimator({task: store.open(task) for task in AgeEstimator.tasks})
    inside = 0
    for row in rows:
        photo = _photo(folder / row["path"])
        [found] = estimator.estimate([estimator.view(photo, _largest(fitter, photo) or _WHOLE)])
        years: float = found[AGE]
        inside += abs(round(years) - int(row["age"])) <= AGE_MARGIN
    print(f"age within {AGE_MARGIN} years: {inside} of {len(rows)}, {inside / len(rows):.3f}")


def _largest(fitter: FaceFitter, photo: Image) -> Attributes | None:
    [found] = fitter.detect([photo])
    return max(found, key=lambda face: _area(face[BOX], photo), default=None)


def _area(box: Box, photo: Image) -> float:
    """Square pixels."""
    height, width = float(photo.shape[0]), float(photo.shape[1])
    return (box.right - box.left) * width * (box.bottom - box.top) * height


def _photo(path: Path) -> Image:
    return decode(Picture(path.read_bytes()))


if __name__ == "__main__":
    main()
