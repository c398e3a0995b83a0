"""Whether photographs show as many faces as they are said to."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from eval.bench import FITTER, Bench
from eval.bootstrap import Bootstrap
from eval.task import Measured, Task

_FOLDER = "photos"


class Label(msgspec.Struct, frozen=True):
    path: str
    faces: int


class Seen(NamedTuple):
    label: int
    found: int


def _ask(bench: Bench) -> list[Seen]:
    def seen(label: Label) -> Seen:
        return Seen(label.faces, len(bench.faces(_FOLDER, label.path)))

    return bench.answers("photos", bench.labels(_FOLDER, Label), seen, lambda label: label.path)


def _measure(seen: Sequence[Seen], bootstrap: Bootstrap) -> Measured:
    return Measured(
        [
            bootstrap.share("photographs with the right number of faces", [one.label == one.found for one in seen]),
            bootstrap.figure("faces too many, a photograph", _mean, [max(one.found - one.label, 0) for one in seen]),
            bootstrap.figure("faces too few, a photograph", _mean, [max(one.label - one.found, 0) for one in seen]),
        ]
    )


def _mean(counts: Sequence[float]) -> float:
    return sum(counts) / len(counts)


TASK = Task(
    name="photos",
    title="Number of faces",
    folder=_FOLDER,
    services=(FITTER,),
    models=("face-detection",),
    ask=_ask,
    measure=_measure,
    about="""\
A few photographs with none to five faces, at the detector's own threshold: a look at false alarms and misses, no
statistics.""",
)
