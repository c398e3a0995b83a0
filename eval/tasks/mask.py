"""How often masks are told from bare faces, how many faces are lost behind them, and what the confidence is worth."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from sklearn.metrics import confusion_matrix

from eval.bench import Bench
from eval.bootstrap import Bootstrap, Figure
from eval.figures import expected_calibration_error, reliability
from eval.plots import Matrix, Plot
from eval.task import Measured, Task
from eval.tasks import base

_FOLDER = "mask"
_THRESHOLD = 0.3  # of the detector: masks hide faces from it, so that it looks harder


class Label(msgspec.Struct, frozen=True):
    path: str
    mask: Literal["0", "1"]


class Answer(NamedTuple):
    masked: bool
    confidence: float  # that it is masked


class Seen(NamedTuple):
    label: bool
    answer: Answer | None  # none where no face is found
    half: bool


def _ask(bench: Bench) -> list[Seen]:
    def seen(label: Label) -> Seen:
        face, half = base.largest(bench.faces(_FOLDER, label.path, _THRESHOLD)), base.by_file(label.path)
        if face is None:
            return Seen(label.mask == "1", None, half)
        told = bench.added("mask-estimator", _FOLDER, label.path, face)["has_medical_mask"]
        return Seen(label.mask == "1", Answer(bool(told["value"]), float(told["confidence"])), half)

    return bench.answers("mask", bench.labels(_FOLDER, Label), seen, lambda label: label.path)


def _measure(seen: Sequence[Seen], bootstrap: Bootstrap) -> Measured:
    def figures(some: Sequence[Seen]) -> list[Figure]:
        found = _found(some)
        labels = [label for label, _ in found]
        right = np.array([label == answer.masked for label, answer in found])
        confidences = [answer.confidence for _, answer in found]
        kinds = [(name, kind) for name, kind in (("masked faces", True), ("bare faces", False)) if kind in labels]
        return [
            bootstrap.share("accuracy over faces found", right, yardstick=0.966),
            *(bootstrap.share(f"accuracy over {name} found", right[np.array(labels) == kind]) for name, kind in kinds),
            bootstrap.figure("expected calibration error", expected_calibration_error, labels, confidences),
            *(
                bootstrap.share(f"{name} not found", [one.answer is None for one in some if one.label == kind])
                for name, kind in kinds
            ),
        ]

    kept = _found([one for one in seen if one.half]) or _found(seen)
    classes = ["bare", "masked"]
    counts = confusion_matrix(
        [classes[label] for label, _ in kept], [classes[answer.masked] for _, answer in kept], labels=classes
    )
    found = reliability([label for label, _ in kept], [answer.confidence for _, answer in kept])
    plots: list[Plot] = [
        Matrix("confusion", "Masks, held-out half", classes, np.asarray(counts, np.int64)),
        base.reliability_diagram("Confidence that a face is masked", found),
    ]
    missed = base.missed([one.answer for one in seen], 30)
    return Measured([*base.in_halves(seen, figures), missed], plots)


def _found(some: Sequence[Seen]) -> list[tuple[bool, Answer]]:
    """Labels and answers where a face was found."""
    return [(one.label, one.answer) for one in some if one.answer is not None]


TASK = Task(
    name="mask",
    title="Medical mask",
    folder=_FOLDER,
    services=("mask-estimator",),
    models=("mask", "face-detection"),
    ask=_ask,
    measure=_measure,
    about="""\
Photographs of one face, with a real mask or bare, gathered from the web; the largest face counts. The detector looks at
a threshold of 0.3, as in the graph `masks`. Scarves, hands and beards are hardly among them; things held before the
mouth are now and then taken for masks. Any cloth over nose and mouth counts as one.""",
)
