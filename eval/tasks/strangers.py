"""How often strangers are taken for one person within groups of people who may look alike to the network."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from estimators.calibration import threshold
from eval.bench import Bench
from eval.bootstrap import Bootstrap, Figure
from eval.groups import difference_hash, false_matches, impostors, pair_groups, repeated
from eval.plots import Ranks
from eval.task import Measured, Task
from eval.tasks import base

_PORTRAITS, _SUBJECTS = "age_gender", "liveness"
_RATE = 1e-3  # of false accepts, on the photographs that the thresholds come from
_OLDEST = 60  # years: from here on all are one group


class Portrait(msgspec.Struct, frozen=True):
    path: str
    age: float
    gender: Literal["male", "female"]


class Frame(msgspec.Struct, frozen=True):
    path: str
    label: Literal["live", "spoof"]
    subject: str


class Seen(NamedTuple):
    """A face: of which set, whose it is, and the groups it belongs to."""

    set: str
    person: str
    gender: str
    decade: str
    model: str
    vector: NDArray[np.float32]
    hash: NDArray[np.bool_]


class Groups(NamedTuple):
    """Faces, and the group of each."""

    name: str
    faces: Sequence[Seen]
    of_each: Sequence[str]
    mixed: str | None = None  # one name for pairs of two groups


def _ask(bench: Bench) -> list[Seen]:
    def portrait(label: Portrait) -> Seen | None:
        return seen(_PORTRAITS, label.path, label.path, (label.gender, _decade(label.age)))

    def subject(frame: Frame) -> Seen | None:
        return seen(_SUBJECTS, frame.path, frame.subject, ("", ""))

    def seen(folder: str, path: str, person: str, groups: tuple[str, str]) -> Seen | None:
        face = base.largest(bench.faces(folder, path))
        if face is None:
            return None
        made = base.template(bench.added("template-extractor", folder, path, face))
        picture = difference_hash(bench.cut(folder, path, face))
        return Seen(folder, person, *groups, made.model, made.vector, picture)

    found: list[Seen | None] = []
    if bench.has(_PORTRAITS):
        found += bench.answers("strangers", bench.labels(_PORTRAITS, Portrait), portrait, lambda label: label.path)
    if bench.has(_SUBJECTS):
        frames = [frame for frame in bench.labels(_SUBJECTS, Frame) if frame.label == "live"]
        found += bench.answers("subjects", frames, subject, lambda label: label.path)
    return [one for one in found if one is not None]


def _decade(age: float) -> str:
    decade = min(int(age) // 10 * 10, _OLDEST)
    return f"{decade}+" if decade == _OLDEST else f"{decade}-{decade + 9}"


def _measure(seen: Sequence[Seen], bootstrap: Bootstrap) -> Measured:
    if not seen:
        raise ValueError("there is nothing to measure")
    bar = threshold(seen[0].model, _RATE)
    portraits, subjects = ([one for one in seen if one.set == name] for name in (_PORTRAITS, _SUBJECTS))
    repeats = repeated([one.hash for one in portraits]).tolist() if portraits else []
    portraits = [one for one, repeats_another in zip(portraits, repeats, strict=True) if not repeats_another]
    groups = (
        Groups("portraits", portraits, ["all"] * len(portraits)),
        Groups("portraits", portraits, [one.gender for one in portraits]),
        Groups("portraits aged", portraits, [one.decade for one in portraits], "differently"),
        Groups("students", subjects, ["all"] * len(subjects)),
    )
    figures = [figure for each in groups for figure in _rates(each, bar, bootstrap)]
    plot = Ranks(
        "groups",
        f"Strangers accepted, where LFW has {_RATE:g}",
        "false-match rate",
        [figure.name.removeprefix("strangers accepted, ") for figure in figures],
        [figure.value for figure in figures],
        [figure.interval or (figure.value, figure.value) for figure in figures],
    )
    return Measured(figures, [plot] if figures else [])


def _rates(groups: Groups, bar: int, bootstrap: Bootstrap) -> list[Figure]:
    """A figure for each group of pairs of strangers."""
    if len({one.person for one in groups.faces}) < 2:
        return []
    pairs = impostors(np.array([one.vector for one in groups.faces]), [one.person for one in groups.faces])
    of_pairs = pair_groups(pairs, groups.of_each, groups.mixed)
    return [
        Figure(f"strangers accepted, {groups.name}, {rate.group}", rate.rate, rate.pairs, (rate.low, rate.high))
        for rate in false_matches(pairs, of_pairs, bar, bootstrap.resamples, bootstrap.seed)
    ]


TASK = Task(
    name="strangers",
    title="Verification within groups",
    folder=_PORTRAITS,
    services=("template-extractor", "verify-matcher"),
    models=("template",),
    ask=_ask,
    measure=_measure,
    about="""\
A threshold that lets one stranger in a thousand pass among press photographs may let many more pass among people of
whom the network saw few: here portraits of All-Age-Faces (mostly Asian; each is taken for another person, repeated
pictures left out) by gender and by age of both, and the live students of NUAA. The threshold is that of score 0.7. A
network can look fine on celebrities and take most strangers of another population for one person; children above all
are confused. Where that matters, choose the threshold on people like yours.""",
)
