"""What the confidences are calibrated on: labelled faces, and what is asked of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from estimators.base import Image, Models
from estimators.emotion import EmotionEstimator
from estimators.gender import GenderEstimator
from estimators.liveness import LivenessEstimator
from estimators.mask import MaskEstimator
from eval.split import held_out
from models import ModelStore
from schemas.attributes import EMOTION_NAMES, Attributes, Box
from schemas.dialect import Picture
from schemas.image import decode
from training import inputs
from training.mask_faces import detected_faces

Array = NDArray[np.float64]
Row = Mapping[str, str]

_WHOLE = Box(0.0, 0.0, 1.0, 1.0)
_BATCH = 32
_SPELT = {"fear": "scared", "disgust": "disgusted", "surprise": "surprised"}  # as in FER2013: as in EMOTION_NAMES


class Calibrated(Protocol):
    """An estimator whose networks' own probabilities can be had."""

    def view(self, image: Image, attributes: Attributes) -> Any: ...
    def uncalibrated(self, views: Sequence[Any]) -> Any: ...


class Question(NamedTuple):
    """What is asked of the faces of a data set."""

    task: str  # of the manifest
    folder: str
    data_set: str
    estimator: Callable[[Models], Calibrated]
    truth: Callable[[Row], int]  # 1 for yes, or the number of the class
    subject: Callable[[Row], str]  # what says to which half an image belongs
    least: float | None  # confidence of a face; None where images are crops of faces

    def is_held(self, row: Row) -> bool:
        """Whether a labelled image is kept for measuring."""
        return held_out(self.subject(row))


QUESTIONS = (
    Question(
        "mask",
        "mask",
        "Face-Mask-Detection by chandrikadeb7",
        MaskEstimator,
        lambda row: int(row["mask"]),
        lambda row: Path(row["path"]).name,
        0.3,
    ),
    Question(
        "liveness",
        "liveness",
        "NUAA",
        LivenessEstimator,
        lambda row: int(row["label"] == "live"),
        lambda row: row["subject"],
        0.5,
    ),
    Question(
        "age-gender",
        "age_gender",
        "All-Age-Faces",
        GenderEstimator,
        lambda row: int(row["gender"] == "male"),
        lambda row: Path(row["path"]).name,
        0.5,
    ),
    Question(
        "expression",
        "emotion",
        "FER2013, private test part",
        EmotionEstimator,
        lambda row: EMOTION_NAMES.index(_SPELT.get(row["emotion"], row["emotion"])),
        lambda row: Path(row["path"]).name,
        None,
    ),
)


def labelled(question: Question, store: ModelStore, data: Path) -> Iterator[tuple[Row, Image, Box]]:
    """Each labelled image with the box of its largest face, or its own where it is a crop of one.

    Photographs in which no face is found are left out.
    """
    rows = {data / question.folder / row["path"]: row for row in inputs.label_rows(data / question.folder)}
    if question.least is None:
        yield from ((row, decode(Picture(path.read_bytes())), _WHOLE) for path, row in rows.items())
    else:
        detector = store.open("face-detection")[0]
        for face in detected_faces(detector, rows, question.least):
            yield rows[face.path], face.image, face.box


def likely(estimator: Calibrated, views: Sequence[Any]) -> tuple[Array, ...]:
    """What each network of an estimator answers, or what they agree on."""
    parts = [estimator.uncalibrated(views[start : start + _BATCH]) for start in range(0, len(views), _BATCH)]
    if isinstance(parts[0], np.ndarray):
        return (np.concatenate(parts).astype(np.float64),)
    return tuple(np.concatenate(each).astype(np.float64) for each in zip(*parts, strict=True))
