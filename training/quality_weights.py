"""Learns the parts of the total score and writes ``estimators/quality/total.json``.

    python -m training.quality_weights --data FOLDER --model-folder FOLDER [--output FILE]

The penalty of a photograph is the weighted sum of the negative logarithms of its scores, and the total is its negative
exponential. The penalty is made to say how far a template goes astray: how much further apart two templates of one
person are, in units of ``verify-matcher``'s distance, than those of good photographs. Of the two photographs of a pair
the worse one counts, part by part. Two kinds of pairs teach it, all of persons of the training half:

* the genuine pairs of ``eval.genuine``, whose distances are compared within each set, as sets differ in more than
  quality. They alone tell what turning the head costs, and what the network's answer is worth;
* courses: photographs degraded step by step (``training/degradations.py``), compared with another photograph of the
  same person. They tell what each defect costs, as ordinary photographs have few.

Middles and widths come first, by least squares with soft L1. For each defect they are those that describe its own
courses best, with the middle two to six widths beyond what 19 of 20 ordinary photographs of the genuine pairs keep to:
what ordinary photographs have is not held against them. For yaw, pitch and the network, together, they are those that
describe the genuine pairs. Then the weights, by non-negative least squares, with and without the network: those of
yaw, pitch and the network from the genuine pairs, each set counting alike, and with these those of the defects from
what the courses cost beyond that. At the end weights are divided by the one number that puts a total of one half where
the distance, from the median genuine distance of press photographs, reaches that of a false-accept rate of 1e-3.

Comparing within sets rather than within persons, and the worse photograph rather than the sum of both, were chosen by
cross-validation over the persons of the training half. Least squares of distances make too little of the network where
it matters, among the few pairs that are missed: its weight is doubled, which of 1, 1.5, 2, 3, 4 and 6 times gave about
the best error-versus-discard curves of the training half, without harm to any of its sets.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares, nnls

from estimators.quality import total
from estimators.quality.thresholds import Scale
from estimators.quality.total import NETWORK, Part
from eval.genuine import Pair
from eval.split import held_out
from training import inputs
from training.degradations import HARMS
from training.quality_samples import (
    Course,
    Sample,
    accepted_distance,
    apart,
    courses,
    listed_pairs,
    open_looker,
    samples,
)

Array = NDArray[np.float64]
Errors = Callable[[Array], Array]  # of parameters

_BARE = "not_masked"  # a score already
_PRESS = "verification"  # the set of press photographs
_ORDINARY = 95  # percentile, from good to bad
_NETWORK_GAIN = 2.0  # of the network's weight over that of least squares
_WIDTHS = (2.0, 6.0)  # from there to the middle
_UNIT = 300.0  # of distance: larger errors count less than squared

# By natural part: the direction in which it gets worse; lowest and highest middle; smallest and largest width.
_NATURAL: Mapping[str, tuple[int, float, float, float, float]] = {
    "yaw": (1, 0.0, 80.0, 3.0, 30.0),
    "pitch": (1, 0.0, 60.0, 3.0, 30.0),
    NETWORK: (-1, 0.30, 0.65, 0.01, 0.1),
}


class Known(NamedTuple):
    """Genuine pairs: the two samples of each, their distance, and the set."""

    pairs: Sequence[tuple[Sample, Sample]]
    distances: Array  # (n,)
    task: NDArray[np.str_]  # (n,)


class Change(NamedTuple):
    """A degraded photograph, what it was before, and how much further it went from another one of the person."""

    part: str
    degraded: Sample
    clean: Sample
    distance: float


def main() -> None:
    parser = inputs.parser("Learns the weights of the total score.")
    parser.add_argument("--output", type=Path, default=Path(total.__file__).with_name(total.TABLE))
    arguments = parser.parse_args()
    looker = open_looker(arguments.model_folder)
    listed = [pair for pair in listed_pairs(arguments.data) if not held_out(pair.person)]
    known = together(listed, samples(looker, arguments.data, listed))
    changes = [change for course in courses(looker, arguments.data, listed) for change in changed(course)]
    table = trained(known, changes)
    arguments.output.write_text(written(table, known, changes), encoding="utf-8")
    print(arguments.output.read_text(encoding="utf-8"))


def together(listed: Sequence[Pair], found: Mapping[tuple[str, str], Sample]) -> Known:
    """The pairs in whose photographs faces were found."""
    usable = [pair for pair in listed if {(pair.task, pair.first), (pair.task, pair.second)} <= found.keys()]
    pairs = [(found[pair.task, pair.first], found[pair.task, pair.second]) for pair in usable]
    return Known(pairs, np.array([apart(*pair) for pair in pairs]), np.array([pair.task for pair in usable]))


def changed(course: Course) -> Iterator[Change]:
    before = apart(course.clean, course.other)
    for part, steps in course.steps.items():
        for step in steps:
            yield Change(part, step, course.clean, apart(step, course.other) - before)


def trained(known: Known, changes: Sequence[Change]) -> dict[str, Part]:
    """The parts, in the order of their names."""
    scales: dict[str, Scale | None] = {
        part: None if part == _BARE else _course_scale(part, known, changes) for part in HARMS
    }
    scales |= _natural_scales(known)
    unit = _half(known) / np.log(2)
    weights = _weights(scales, known, changes)
    without = _weights({name: scale for name, scale in scales.items() if name != NETWORK}, known, changes)
    return {
        name: Part(scales[name], _rounded(weights[name] / unit), _rounded(without.get(name, 0.0) / unit))
        for name in sorted(scales)
    }


def penalties(scale: Scale | None, values: Array) -> Array:
    """Negative logarithms of scores, of any shape."""
    penalty = Part(scale, 0.0, 0.0).penalty
    return np.array([penalty(float(value)) for value in values.ravel()]).reshape(values.shape)


def _course_scale(part: str, known: Known, changes: Sequence[Change]) -> Scale:
    """Middle and width that describe the courses of a defect best, between ordinary and the worst values."""
    own = [change for change in changes if change.part == part]
    after = np.array([change.degraded.parts[part] for change in own])
    before = np.array([change.clean.parts[part] for change in own])
    distances = np.array([change.distance for change in own])
    sign = 1 if np.median(after) > np.median(before) else -1  # +1 where the value rises as it gets worse
    good, worst = (float(sign * np.percentile(sign * each, _ORDINARY)) for each in (_both(known, part), after))
    reach = max(sign * (worst - good), 1e-3 * abs(worst))

    def scale(parameters: Array) -> Scale:
        beyond = reach * parameters[0]
        return Scale(good + sign * beyond, -sign * beyond / parameters[1])

    def errors(parameters: Array) -> Array:
        fitted = scale(parameters)
        rise = _smooth(fitted, after) - _smooth(fitted, before)
        return np.asarray((1000 * parameters[2] * rise - distances) / _UNIT)

    bounds = ([0.02, _WIDTHS[0], 0], [1, _WIDTHS[1], 20])
    starts = [[middle, widths, 0.3] for middle in (0.2, 0.5, 0.8) for widths in (2.1, 3, 5)]
    return _tidied(scale(_best(errors, starts, bounds)))


def _natural_scales(known: Known) -> dict[str, Scale]:
    """Middles and widths of yaw, pitch and the network that describe the distances of genuine pairs best."""
    values = {name: _both(known, name) for name in _NATURAL}
    distances = _within_sets(known, known.distances)
    share = np.sqrt(_shares(known) * len(distances))

    def scales(parameters: Array) -> dict[str, Scale]:
        return {
            name: Scale(float(middle), float(-sign * width))
            for (name, (sign, *_)), (middle, width, _) in zip(_NATURAL.items(), parameters.reshape(-1, 3), strict=True)
        }

    def errors(parameters: Array) -> Array:
        weights = 1000 * parameters.reshape(-1, 3)[:, 2]
        penalty = sum(
            weight * _smooth(scale, values[name]).max(axis=0)
            for weight, (name, scale) in zip(weights, scales(parameters).items(), strict=True)
        )
        return np.asarray(share * (_within_sets(known, np.asarray(penalty)) - distances) / _UNIT)

    rows = list(_NATURAL.values())
    bounds = (
        [bound for _, low, _, narrow, _ in rows for bound in (low, narrow, 0.0)],
        [bound for _, _, high, _, wide in rows for bound in (high, wide, 20.0)],
    )
    starts = [
        [
            start
            for _, low, high, narrow, wide in rows
            for start in (low + at * (high - low), narrow + 0.2 * (wide - narrow), 0.1)
        ]
        for at in (0.3, 0.5, 0.8)
    ]
    return {name: _tidied(scale) for name, scale in scales(_best(errors, starts, bounds)).items()}


def _best(errors: Errors, starts: Sequence[Sequence[float]], bounds: tuple[Sequence[float], Sequence[float]]) -> Array:
    """The parameters of least error, of those that the starts lead to."""
    fits = [
        least_squares(errors, start, bounds=bounds, loss="soft_l1", max_nfev=200, x_scale="jac") for start in starts
    ]
    return np.asarray(min(fits, key=lambda fit: float(fit.cost)).x)


def _smooth(scale: Scale, values: Array) -> Array:
    """``penalties`` of many values at once."""
    return np.asarray(np.logaddexp(0, (scale.middle - values) / scale.width))


def _tidied(scale: Scale) -> Scale:
    return Scale(round(_rounded(scale.middle), 4), _rounded(scale.width))


def _rounded(value: float) -> float:
    """Three digits: more would be noise."""
    return float(f"{value:.3g}")


def _both(known: Known, name: str) -> Array:
    """(2, n): a part's values of both photographs."""
    return np.array([[sample.parts[name] for sample in side] for side in zip(*known.pairs, strict=True)])


def _within_sets(known: Known, values: Array) -> Array:
    """The values less their mean over the set."""
    centred = values.astype(np.float64)
    for task in np.unique(known.task):
        centred[known.task == task] -= centred[known.task == task].mean()
    return centred


def _shares(known: Known) -> Array:
    """(n,): how much each pair counts; all sets alike, 1 altogether."""
    _, where, numbers = np.unique(known.task, return_inverse=True, return_counts=True)
    shares: Array = 1 / (numbers[where] * len(numbers))
    return shares


def _weights(scales: Mapping[str, Scale | None], known: Known, changes: Sequence[Change]) -> dict[str, float]:
    """How much further a template goes for each unit of penalty, none of them negative."""
    natural = {name: scale for name, scale in scales.items() if name in _NATURAL}
    defects = {name: scale for name, scale in scales.items() if name not in _NATURAL}
    share = np.sqrt(_shares(known))
    worse = [_within_sets(known, penalties(scale, _both(known, name)).max(axis=0)) for name, scale in natural.items()]
    weights = _fitted(natural, share * np.array(worse), share * _within_sets(known, known.distances))
    if NETWORK in weights:
        weights[NETWORK] *= _NETWORK_GAIN
    left = np.array([change.distance for change in changes])
    for name, scale in natural.items():
        left = left - weights[name] * _rise(scale, name, changes)
    rises = np.array([_rise(scale, name, changes) for name, scale in defects.items()])
    return {**weights, **_fitted(defects, rises, left)}


def _fitted(names: Iterable[str], columns: Array, wanted: Array) -> dict[str, float]:
    """Non-negative weights of (k, n) columns whose sum comes closest to the (n,) wanted values; 0 where a column is."""
    sizes = np.sqrt((columns**2).mean(axis=1))
    sizes[sizes < 1e-9] = np.inf
    return dict(zip(names, (nnls((columns / sizes[:, None]).T, wanted)[0] / sizes).tolist(), strict=True))


def _rise(scale: Scale | None, name: str, changes: Sequence[Change]) -> Array:
    """(n,): by how much each degradation raises the penalty of a part."""
    values = np.array([[change.degraded.parts[name], change.clean.parts[name]] for change in changes])
    rise: Array = penalties(scale, values) @ [1.0, -1.0]
    return rise


def _half(known: Known) -> float:
    """From the median genuine distance of press photographs to the largest one that is accepted."""
    press = known.distances[known.task == _PRESS]
    return accepted_distance(known.pairs[0][0]) - float(np.median(press))


def written(table: Mapping[str, Part], known: Known, changes: Sequence[Change]) -> str:
    """The JSON text."""
    numbers = {task: int((known.task == task).sum()) for task in np.unique(known.task).tolist()}
    rows = {
        name: {
            **({} if part.scale is None else {"middle": part.scale.middle, "width": part.scale.width}),
            "weight": part.weight,
            "weight_alone": part.weight_alone,
        }
        for name, part in table.items()
    }
    body = ",\n".join(f'    "{name}": {json.dumps(row)}' for name, row in rows.items())
    provenance = json.dumps({"genuine_pairs": numbers, "degraded_photographs": len(changes)})
    return f'{{\n  "provenance": {provenance},\n  "parts": {{\n{body}\n  }}\n}}\n'


if __name__ == "__main__":
    main()
