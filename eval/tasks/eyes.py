"""Whether open eyes are told from closed ones."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
from sklearn.metrics import roc_curve

from eval.bench import Bench
from eval.bootstrap import Bootstrap, Figure
from eval.figures import area_under_curve
from eval.plots import Curves, Line
from eval.task import Measured, Task
from eval.tasks import base

_FOLDER = "eyes"
_SECOND = 0.05  # the detector's threshold where it finds no face at its own


class Label(msgspec.Struct, frozen=True):
    path: str
    eyes: Literal["open", "closed"]


class Seen(NamedTuple):
    opened: bool
    score: float | None  # the mean of both eyes; none where no face is found
    half: bool


def _ask(bench: Bench) -> list[Seen]:
    def seen(label: Label) -> Seen:
        opened, half = label.eyes == "open", base.by_file(label.path)
        face = base.largest(bench.faces(_FOLDER, label.path))
        face = face or base.largest(bench.faces(_FOLDER, label.path, _SECOND))
        if face is None:
            return Seen(opened, None, half)
        told = bench.added("quality-assessment-estimator", _FOLDER, label.path, face)["quality"]
        return Seen(opened, (told["left_eye_openness_score"] + told["right_eye_openness_score"]) / 2, half)

    return bench.answers("eyes", bench.labels(_FOLDER, Label), seen, lambda label: label.path)


def _measure(seen: Sequence[Seen], bootstrap: Bootstrap) -> Measured:
    def figures(some: Sequence[Seen]) -> list[Figure]:
        labels, scores = _scored(some)
        right = [label == (score >= 0.5) for label, score in zip(labels, scores, strict=True)]
        return [
            bootstrap.figure("area under the curve", area_under_curve, labels, scores, yardstick=0.983),
            bootstrap.share("accuracy at 0.5", right, yardstick=0.938),
        ]

    labels, scores = _scored(seen)
    taken, found, _ = roc_curve(labels, scores)
    line = Line("both eyes", taken, found)
    curve = Curves("roc", "Eyes", "closed eyes taken for open", "open eyes found", [line])
    return Measured([*base.in_halves(seen, figures), base.missed([one.score for one in seen])], [curve])


def _scored(some: Sequence[Seen]) -> tuple[list[bool], list[float]]:
    """Labels and scores where a face was found."""
    return [one.opened for one in some if one.score is not None], [one.score for one in some if one.score is not None]


TASK = Task(
    name="eyes",
    title="Open eyes",
    folder=_FOLDER,
    services=("quality-assessment-estimator",),
    models=("iris", "face-landmarks"),
    ask=_ask,
    measure=_measure,
    about="""\
Faces with both eyes open or both closed (CEW); the labels say one thing for both eyes, so the mean of the two openness
scores is judged, open from 0.5. Narrow eyes and half-closed ones lie between, and heads that look down seem asleep.""",
)
