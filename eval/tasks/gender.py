"""How often the gender is told as it is labelled."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from sklearn.metrics import confusion_matrix

from eval.bench import Bench
from eval.bootstrap import Bootstrap, Figure
from eval.client import Json
from eval.plots import Matrix
from eval.task import Measured, Task
from eval.tasks import base

_FOLDER = "age_gender"
_CHILD = 13  # years: before puberty, faces say little of it


class Label(msgspec.Struct, frozen=True):
    path: str
    age: float
    gender: Literal["male", "female"]


class Seen(NamedTuple):
    label: str
    age: float
    answer: str
    half: bool
    face: Json | None

    @property
    def right(self) -> bool:
        return self.label == self.answer


def _ask(bench: Bench) -> list[Seen]:
    def seen(label: Label) -> Seen:
        face = base.largest(bench.faces(_FOLDER, label.path))
        told = bench.added("gender-estimator", _FOLDER, label.path, face or base.WHOLE)
        return Seen(label.gender, label.age, str(told["gender"]), base.by_file(label.path), face)

    return bench.answers("gender", bench.labels(_FOLDER, Label), seen, lambda label: label.path)


def _measure(seen: Sequence[Seen], bootstrap: Bootstrap) -> Measured:
    def shares(some: Sequence[Seen]) -> list[Figure]:
        groups = {
            "": some,
            f", aged {_CHILD} and more": [one for one in some if one.age >= _CHILD],
            f", aged under {_CHILD}": [one for one in some if one.age < _CHILD],
        }
        groups |= {f", {label}": [one for one in some if one.label == label] for label in ("female", "male")}
        return [
            bootstrap.share(f"accuracy{name}", [one.right for one in group], yardstick=None if name else 0.9)
            for name, group in groups.items()
            if group
        ]

    classes = ["female", "male"]
    counts = confusion_matrix([one.label for one in seen], [one.answer for one in seen], labels=classes)
    plot = Matrix("confusion", "Gender", classes, np.asarray(counts, np.int64))
    return Measured(base.in_halves(seen, shares), [plot])


TASK = Task(
    name="gender",
    title="Gender",
    folder=_FOLDER,
    services=("gender-estimator",),
    models=("age-gender",),
    ask=_ask,
    measure=_measure,
    about="""\
The same portraits with the gender as labelled, of two. Most errors are children, whose faces say little of it. The
answer is how a face looks to a network, not who a person is.""",
)
