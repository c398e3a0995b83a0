"""How often the likeliest emotion is the labelled one, and whether its likelihood means what it says."""

from collections.abc import Sequence
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
from eval.tasks import common

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
    answer: str
    confidence: float  # of the answer
    half: bool

    @property
    def right(self) -> bool:
        return self.label == self.answer


def _ask(bench: Bench) -> list[Seen]:
    def seen(label: Label) -> Seen:
        told = bench.added("emotion-estimator", _FOLDER, label.path, common.WHOLE)
        if not told.get("emotions"):
            raise RequestFailed("emotion-estimator: the answer has no emotions")
        best = max(told["emotions"], key=lambda entry: float(entry["confidence"]))
        half = common.by_file(label.path)
        return Seen(_NAMES[label.emotion], str(best["emotion"]), float(best["confidence"]), half)

    return bench.answers("emotion", bench.labels(_FOLDER, Label), seen, lambda label: label.path)


def _measure(seen: Sequence[Seen], bootstrap: Bootstrap) -> Measured:
    def figures(some: Sequence[Seen]) -> list[Figure]:
        labels, answers = [one.label for one in some], [one.answer for one in some]
        right, confidences = [one.right for one in some], [one.confidence for one in some]
        return [
            bootstrap.figure("accuracy", accuracy, labels, answers, yardstick=0.573),
            bootstrap.figure("macro recall", macro_recall, labels, answers, yardstick=0.587),
            bootstrap.figure("expected calibration error", expected_calibration_error, right, confidences),
            *(
                bootstrap.share(f"recall, {name}", [one.right for one in some if one.label == name])
                for name in sorted(set(labels))
            ),
        ]

    classes = sorted(_NAMES.values())
    kept = [one for one in seen if one.half] or list(seen)
    counts = confusion_matrix([one.label for one in kept], [one.answer for one in kept], labels=classes)
    found = reliability([one.right for one in kept], [one.confidence for one in kept])
    plots: list[Plot] = [
        Matrix("confusion", "Emotions, held-out half", classes, np.asarray(counts, np.int64)),
        common.reliability_diagram("Confidence of the likeliest emotion", found),
    ]
    return Measured(common.in_halves(seen, figures), plots)


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
agree in about two cases of three. Emotions are weak: fear is mostly taken for surprise, sadness or anger, and what
works on such crops says little of photographs in colour.""",
)
