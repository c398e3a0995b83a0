"""How often the likeliest emotion is the labelled one, and whether its likelihood means what it says."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from sklearn.metrics import confusion_matrix

from eval.bench import Bench
from eval.bootstrap import Bootstrap, Figure
from eval.client import RequestFailed
from eval.figures import accuracy, expected_calibration_error, macro_recall, reliability
from eval.plots import Matrix, Plot
from eval.task import Measured, Task
from eval.tasks import base

_FOLDER = "emotion"

# The labels of the data set, and what the interface calls them.
_NAMES = {
    "angry": "angry",
    "disgust": "disgusted",
    "fear": "scared",
    "happy": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "surprise": "surprised",
}


class Label(msgspec.Struct, frozen=True):
    path: str
    emotion: Literal["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]


class Seen(NamedTuple):
    label: str
    confidences: Mapping[str, float]  # of all emotions
    half: bool

    @property
    def answer(self) -> str:
        return max(self.confidences, key=lambda name: self.confidences[name])

    @property
    def right(self) -> bool:
        return self.label == self.answer


class Claims(NamedTuple):
    """Of every emotion of every face, how likely it is said to be, whether it is so, and the number of the face."""

    confidences: list[float]
    so: list[bool]
    faces: list[int]


def _ask(bench: Bench) -> list[Seen]:
    def seen(label: Label) -> Seen:
        told = bench.added("emotion-estimator", _FOLDER, label.path, base.WHOLE).get("emotions")
        if not told:
            raise RequestFailed("emotion-estimator: the answer has no emotions")
        confidences = {str(entry["emotion"]): float(entry["confidence"]) for entry in told}
        return Seen(_NAMES[label.emotion], confidences, base.by_file(label.path))

    return bench.answers("emotion", bench.labels(_FOLDER, Label), seen, lambda label: label.path)


def _claims(some: Sequence[Seen]) -> Claims:
    every = [
        (value, one.label == name, index) for index, one in enumerate(some) for name, value in one.confidences.items()
    ]
    return Claims(*(list(column) for column in zip(*every, strict=True)))


def _measure(seen: Sequence[Seen], bootstrap: Bootstrap) -> Measured:
    def figures(some: Sequence[Seen]) -> list[Figure]:
        labels, answers = [one.label for one in some], [one.answer for one in some]
        right, highest = [one.right for one in some], [one.confidences[one.answer] for one in some]
        claims, error = _claims(some), expected_calibration_error
        return [
            bootstrap.figure("accuracy", accuracy, labels, answers, yardstick=0.573),
            bootstrap.figure("macro recall", macro_recall, labels, answers, yardstick=0.587),
            bootstrap.figure(
                "expected calibration error, all seven", error, claims.so, claims.confidences, clusters=claims.faces
            )._replace(size=len(some)),
            bootstrap.figure("expected calibration error, the likeliest alone", error, right, highest),
            *(
                bootstrap.share(f"recall, {name}", [one.right for one in some if one.label == name])
                for name in sorted(set(labels))
            ),
        ]

    classes = sorted(_NAMES.values())
    kept = [one for one in seen if one.half] or list(seen)
    counts = confusion_matrix([one.label for one in kept], [one.answer for one in kept], labels=classes)
    claims = _claims(kept)
    plots: list[Plot] = [
        Matrix("confusion", "Emotions, held-out half", classes, np.asarray(counts, np.int64)),
        base.reliability_diagram("Confidence of all seven emotions", reliability(claims.so, claims.confidences)),
    ]
    return Measured(base.in_halves(seen, figures), plots)


TASK = Task(
    name="emotion",
    title="Emotion",
    folder=_FOLDER,
    services=("emotion-estimator",),
    models=("expression",),
    ask=_ask,
    measure=_measure,
    about="""\
Grey images of 48 x 48 pixels that are face crops already, as many of each emotion: FER2013, on whose labels people
agree in about two cases of three. Emotions are weak: fear is told one time in four and mostly taken for sadness, and
what works on such crops says little of photographs in colour.""",
)
