"""Whether photographs of low quality are the ones that are not recognised."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from estimators.calibration import distances, threshold
from eval.bench import Bench
from eval.bootstrap import Bootstrap, Figure, no_narrower
from eval.discard import SHARES, error_versus_discard, pair_qualities
from eval.genuine import Pair, genuine_pairs, photographs
from eval.plots import Curves, Line
from eval.split import held_out
from eval.task import Measured, Task
from eval.tasks import base, verification

_RATE = 1e-3  # of false accepts
_SETS = ("verification", "head_pose", "liveness")
_DROPPED = 0.2  # the share of comparisons that is discarded


class Named(msgspec.Struct, frozen=True):
    path: str


class Portrait(NamedTuple):
    quality: float
    model: str
    vector: NDArray[np.float32]


class Seen(NamedTuple):
    pairs: Sequence[Pair]
    portraits: Mapping[tuple[str, str], Portrait | None]  # by set and name; none where no face was found


class Compared(NamedTuple):
    set: str
    person: str
    distance: float
    quality: float

    @property
    def half(self) -> bool:
        return held_out(self.person)


def _ask(bench: Bench) -> Seen:
    names: dict[str, list[str]] = {}
    for folder in _SETS:
        if bench.has(folder) and folder == verification.TASK.folder:
            labels = bench.labels(folder, verification.Label)
            names[folder] = sorted({name for label in labels for name in (label.path_a, label.path_b)})
        elif bench.has(folder):
            names[folder] = [label.path for label in bench.labels(folder, Named)]
    pairs = genuine_pairs(names)

    def seen(photograph: tuple[str, str]) -> tuple[tuple[str, str], Portrait | None]:
        folder, name = photograph
        faces = bench.faces(folder, name)
        face = base.central(faces) if folder == verification.TASK.folder else base.largest(faces)
        if face is None:
            return photograph, None
        quality = bench.added("quality-assessment-estimator", folder, name, face)["quality"]["total_score"]
        made = base.template(bench.added("template-extractor", folder, name, face))
        return photograph, Portrait(float(quality), made.model, made.vector)

    return Seen(pairs, dict(bench.answers("quality", photographs(pairs), seen, "/".join)))


def _measure(seen: Seen, bootstrap: Bootstrap) -> Measured:
    compared = [_compared(seen, pair) for pair in seen.pairs if _answered(seen, pair)]
    if not compared:
        raise ValueError("there are no genuine pairs")
    models = {portrait.model for portrait in seen.portraits.values() if portrait is not None}
    if not models:
        raise ValueError("no face was found")
    bar = threshold(models.pop(), _RATE)

    def figures(some: Sequence[Compared]) -> list[Figure]:
        columns = [one.distance for one in some], [one.quality for one in some]
        people = [one.person for one in some]
        name = f"false non-matches, the worst {_DROPPED:.0%} discarded"
        rest = bootstrap.figure(name, lambda far, quality: _discarded(far, quality, bar), *columns, clusters=people)
        left = round((1 - _DROPPED) * len(some))
        spread = no_narrower(rest.interval or (rest.value, rest.value), round(rest.value * left), left)
        return [
            bootstrap.share("false non-matches", [one.distance > bar for one in some], people),
            rest._replace(size=left, interval=spread),
        ]

    sets = [
        figure._replace(name=f"{figure.name}, {name} alone", half=half)
        for name in _SETS
        for half in (False, True)
        if (part := [one for one in compared if one.set == name and (one.half or not half)])
        for figure in figures(part)
    ]
    kept = [one for one in compared if one.half] or compared
    parts = {"all sets": kept} | {name: [one for one in kept if one.set == name] for name in _SETS}
    lines = [Line(name, SHARES, _curve(part, bar), marked=True) for name, part in parts.items() if part]
    title = f"Error versus discard, held-out people, false-accept rate {_RATE:g}"
    plot = Curves("discard", title, "share of comparisons discarded", "false non-match rate", lines)
    return Measured([*base.in_halves(compared, figures), *sets], [plot])


def _curve(compared: Sequence[Compared], bar: int) -> list[float]:
    return error_versus_discard([one.distance for one in compared], [one.quality for one in compared], bar)


def _discarded(far: ArrayLike, quality: ArrayLike, bar: int) -> float:
    return error_versus_discard(far, quality, bar, [_DROPPED])[0]


def _answered(seen: Seen, pair: Pair) -> bool:
    return (pair.task, pair.first) in seen.portraits and (pair.task, pair.second) in seen.portraits


def _compared(seen: Seen, pair: Pair) -> Compared:
    """A pair of which a face was not found is of no quality, and not matched."""
    one, other = seen.portraits[pair.task, pair.first], seen.portraits[pair.task, pair.second]
    if one is None or other is None:
        return Compared(pair.task, pair.person, float("inf"), 0.0)
    distance = float(distances(np.dot(one.vector.astype(np.float64), other.vector)))
    return Compared(pair.task, pair.person, distance, float(pair_qualities(one.quality, other.quality)))


TASK = Task(
    name="quality",
    title="Quality and recognition",
    folder="verification",
    services=("quality-assessment-estimator",),
    models=("iris", "expression", "mask", "face-quality"),
    ask=_ask,
    measure=_measure,
    about="""\
2,000 pairs of photographs of one person each: those of LFW, and pairs of Pointing'04 (heads turned up to 90 degrees)
and of live frames of NUAA. The lower `total_score` of the two is the quality of a pair; the worst are discarded, and
the share of the rest that is not recognised is told, as in ISO/IEC 29794-1. Over all sets together turned heads drive
the figure; on LFW alone few pairs fail, and several of those are wrong labels, which no quality can tell.""",
)
