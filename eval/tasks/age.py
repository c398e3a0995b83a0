"""How far ages are off."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from eval.bench import Bench
from eval.bootstrap import Bootstrap, Figure
from eval.client import Json
from eval.figures import bias, mean_absolute_error
from eval.plots import Bars
from eval.task import Measured, Task
from eval.tasks import base

_FOLDER = "age_gender"
_OLDEST = 70  # years: from here on all are one group


class Label(msgspec.Struct, frozen=True):
    path: str
    age: float
    gender: str


class Seen(NamedTuple):
    label: float
    gender: str
    answer: float
    half: bool
    face: Json | None


def _ask(bench: Bench) -> list[Seen]:
    def seen(label: Label) -> Seen:
        face = base.largest(bench.faces(_FOLDER, label.path))
        aged = bench.added("age-estimator", _FOLDER, label.path, face or base.WHOLE)
        return Seen(label.age, label.gender, float(aged["age"]), base.by_file(label.path), face)

    return bench.answers("age", bench.labels(_FOLDER, Label), seen, lambda label: label.path)


def _decade(age: float) -> int:
    return min(int(age) // 10 * 10, _OLDEST)


def _name(decade: int) -> str:
    return f"{decade}+" if decade == _OLDEST else f"{decade}-{decade + 9}"


def _measure(seen: Sequence[Seen], bootstrap: Bootstrap) -> Measured:
    def errors(some: Sequence[Seen]) -> list[Figure]:
        columns = [one.label for one in some], [one.answer for one in some]
        found = [
            bootstrap.figure("mean absolute error, years", mean_absolute_error, *columns, yardstick=6.48),
            bootstrap.figure("bias, years", bias, *columns, yardstick=-3.1),
        ]
        for gender in sorted({one.gender for one in some}):
            part = [(one.label, one.answer) for one in some if one.gender == gender]
            found.append(
                bootstrap.figure(f"mean absolute error, years, {gender}", mean_absolute_error, *zip(*part, strict=True))
            )
        return found

    kept = [one for one in seen if one.half] or list(seen)
    decades = sorted({_decade(one.label) for one in kept})
    parts = [[(one.label, one.answer) for one in kept if _decade(one.label) == decade] for decade in decades]
    columns = [tuple(np.array(part).T) for part in parts]
    by_decade = [
        bootstrap.figure(f"mean absolute error, years, aged {_name(decade)}", mean_absolute_error, *column)
        for decade, column in zip(decades, columns, strict=True)
    ]
    plot = Bars(
        "decades",
        "Error of the age by age, held-out half",
        "years",
        [_name(decade) for decade in decades],
        {"mean absolute error": [figure.value for figure in by_decade], "bias": [bias(*column) for column in columns]},
        [figure.interval or (figure.value, figure.value) for figure in by_decade],
    )
    halves = [figure._replace(half=True) for figure in by_decade]
    return Measured([*base.in_halves(seen, errors), *halves, base.missed([one.face for one in seen])], [plot])


TASK = Task(
    name="age",
    title="Age",
    folder=_FOLDER,
    services=("age-estimator",),
    models=("age-gender",),
    ask=_ask,
    measure=_measure,
    about="""\
Portraits with the age in years; where no face is found, the whole image is taken for one. The measured set is
All-Age-Faces, mostly Asian faces of 2 to 80 years, whose labels disagree by 5.5 years about copies of one picture: no
estimator can seem much better than that on it. The correction of the age was learned on one half of the same set, so it
fits such photographs; other populations and cameras were hardly measured. From 20 on people are told too young, and
between 30 and 60 they are told wrong most. An age is no proof of being of age.""",
)
