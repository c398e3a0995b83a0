"""How well templates tell whether two photographs show the same person."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from estimators.calibration import FARTHEST, distances, farthest_within, rates
from eval.bench import Bench
from eval.bootstrap import Bootstrap, Figure, middle
from eval.figures import equal_error_rate, fold_accuracies
from eval.genuine import person
from eval.groups import resampled
from eval.pairs import EveryPair, Histogram, every_pair, histograms
from eval.plots import Curves, Line
from eval.task import Measured, Task
from eval.tasks import base

_FOLDER = "verification"
_RATES = (1e-2, 1e-3, 1e-4, 1e-5)  # of false accepts


class Label(msgspec.Struct, frozen=True):
    fold: str
    path_a: str
    path_b: str
    same: Literal["0", "1"]


class Pair(NamedTuple):
    fold: str
    first: str
    second: str
    same: bool


class Seen(NamedTuple):
    pairs: Sequence[Pair]
    vectors: Mapping[str, NDArray[np.float32] | None]  # by photograph; none where no face was found


def _ask(bench: Bench) -> Seen:
    labels = bench.labels(_FOLDER, Label)
    names = sorted({name for label in labels for name in (label.path_a, label.path_b)})

    def seen(name: str) -> tuple[str, NDArray[np.float32] | None]:
        image = bench.image(_FOLDER, name)
        face = base.central(bench.client.objects("face-detector-template-extractor", image))
        return name, base.template(face).vector if face else None

    pairs = [Pair(label.fold, label.path_a, label.path_b, label.same == "1") for label in labels]
    return Seen(pairs, dict(bench.answers("verification", names, seen)))


def _measure(seen: Seen, bootstrap: Bootstrap) -> Measured:
    vectors = {name: vector for name, vector in seen.vectors.items() if vector is not None}
    pairs = [pair for pair in seen.pairs if pair.first in seen.vectors and pair.second in seen.vectors]
    told = np.array([_distance(vectors, pair) for pair in pairs])
    same, folds = np.array([pair.same for pair in pairs]), np.array([pair.fold for pair in pairs])
    by_fold = fold_accuracies(folds, same, told)
    accuracy = bootstrap.figure("accuracy over folds, labelled pairs", np.mean, by_fold, yardstick=0.9917)
    # Where no face is found the pair is judged "different", at any threshold.
    scores = -np.minimum(told, FARTHEST)
    equal = bootstrap.figure(
        "equal error rate, labelled pairs", equal_error_rate, same, scores, clusters=folds.tolist()
    )
    figures = [accuracy._replace(size=len(pairs)), equal, base.missed(list(seen.vectors.values()))]
    people = {name: person(_FOLDER, name) for name in vectors}
    known = [name for name, who in people.items() if who is not None]
    if len(known) < 2:  # names that do not tell who is shown
        return Measured(figures)
    found = every_pair(np.array([vectors[name] for name in known], np.float64), [str(people[name]) for name in known])
    return Measured([*figures, *_everyone(found, bootstrap)], _curves(found))


def _distance(vectors: Mapping[str, NDArray[np.float32]], pair: Pair) -> float:
    if pair.first not in vectors or pair.second not in vectors:
        return float("inf")
    return float(distances(np.dot(vectors[pair.first].astype(np.float64), vectors[pair.second])))


def _everyone(found: EveryPair, bootstrap: Bootstrap) -> list[Figure]:
    """The share of genuine pairs accepted at rates of false accepts that the impostor pairs resolve."""
    impostor, genuine = histograms(found)
    chosen = [rate for rate in _RATES if rate * impostor.sum() >= 10]
    if not genuine.sum() or not chosen:
        return []
    weights = resampled(found.people, bootstrap.resamples, bootstrap.seed)
    drawn = np.array([_true_accepts(*histograms(found, row), chosen) for row in weights])
    name, size = "true accepts at a false-accept rate of {:g}, all pairs", int(genuine.sum())
    return [
        Figure(name.format(rate), value, size, middle(column))
        for rate, value, column in zip(chosen, _true_accepts(impostor, genuine, chosen), drawn.T, strict=True)
    ]


def _curves(found: EveryPair) -> list[Curves]:
    """False rejects over false accepts (detection error tradeoff), where there are both."""
    impostor, genuine = histograms(found)
    if not impostor.sum() or not genuine.sum():
        return []
    false_accept, false_reject = rates(impostor, genuine)
    shown = (false_accept >= 1 / impostor.sum()) & (false_accept <= 0.5) & (false_reject > 0)
    if not shown.any():
        return []
    line = Line(f"{int(impostor.sum()):,} pairs of strangers", false_accept[shown], false_reject[shown])
    title = "Verification: both errors, over thresholds"
    return [Curves("det", title, "false accepts", "false rejects", [line], "xy")]


def _true_accepts(impostor: Histogram, genuine: Histogram, chosen: Sequence[float]) -> list[float]:
    false_accept, false_reject = rates(impostor, genuine)
    return [float(1 - false_reject[farthest_within(false_accept, rate)]) for rate in chosen]


TASK = Task(
    name="verification",
    title="Verification",
    folder=_FOLDER,
    services=("face-detector-template-extractor", "verify-matcher"),
    models=("template", "face-detection", "face-landmarks"),
    ask=_ask,
    measure=_measure,
    about="""\
Press photographs of well-known people (LFW): labelled pairs in ten folds, each judged at the threshold that is best on
the others, and all pairs of photographs whose names (`Some_One_0001.jpg`) tell who is shown. Intervals come from
drawing the folds, or the people, again. The tables of the matcher were measured on the same photographs. Most of these
people are men, white, adult and looked at the camera: see the next section for others.""",
)
