"""Trains ``models/weights/facet_liveness.onnx``, which tells live faces from prints and screens, and measures it.

    python -m training.liveness --data FOLDER --model-folder FOLDER [--choose | --measure] [--output FILE]

The data folder is described in ``training/liveness_examples.py``; only its training half is learned from. ``--choose``
writes nothing: it measures each choice within the training half, on people left out. ``--measure`` measures the file
that is there, beside the MiniFASNet pair. A training run takes about a quarter of an hour on one core and needs
PyTorch (2.13.0 made the committed file), measuring does not.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from estimators.liveness import FACET, LivenessEstimator
from eval.split import held_out
from models import Model, ModelStore, open_session
from schemas.attributes import BOX, Attributes
from training import inputs
from training.faces import open_fitter, open_store
from training.liveness_examples import (
    LIVE,
    PRINT,
    RECORDED,
    UNSEEN,
    Photograph,
    attacks,
    augmented,
    box_of,
    photographs,
)
from training.liveness_figures import Answer, report

_SEED = 0
_BATCH = 64
_STEPS, _SHORT = 1600, 350  # batches seen by the network that is written, and by those that only serve to choose
_FOLDS = 2
_TEACHER, _TEACHERS = 0.0, (0.0, 0.3)  # MiniFASNet's share in the answer to be learned: in use, and tried
_SURE = 0.97  # the answer to be learned for what is certainly live: no network should be surer
_WIDE = FACET._replace(scale=3.2, size=160)  # what is kept of a photograph, to be augmented
_ATTACKS = {RECORDED: 10, "LFW": 2, "All-Age-Faces": 2, "Pointing'04": 3}  # of each photograph to learn from
_TRIALS = {RECORDED: 5, "LFW": 2, "All-Age-Faces": 2, "Pointing'04": 2}  # of each photograph held out
_SHARES = {RECORDED: 0.3, "LFW": 0.3, "All-Age-Faces": 0.2, "Pointing'04": 0.2}  # of the faces of a batch
_PAIR = ("MiniFASNetV2_2.7", "MiniFASNetV1SE_4")


class Example(NamedTuple):
    """A face to learn from."""

    wide: Image  # (160, 160, 3)
    crop: Image  # what the product shows the network, (112, 112, 3)
    source: str
    kind: str
    key: str
    teacher: float  # MiniFASNet's P(live)


def main() -> None:
    parser = inputs.parser("Trains and measures the liveness network.")
    parser.add_argument("--output", type=Path, default=Path("models/weights/facet_liveness.onnx"))
    parser.add_argument("--choose", action="store_true", help="measure choices within the training half, write nothing")
    parser.add_argument("--measure", action="store_true", help="measure the file that is there, train nothing")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    store = open_store(arguments.model_folder)
    pair = minifasnet(store)
    found = list(photographs(arguments.data, open_fitter(store)))
    print(f"{len(found)} photographs, {sum(held_out(each.key) for each in found)} of them held out", flush=True)
    if not arguments.measure:
        pool = examples([each for each in found if not held_out(each.key)], pair)
        print(f"{len(pool)} faces to learn from, {sum(each.kind == LIVE for each in pool)} live", flush=True)
        if arguments.choose:
            choose(pool)
            return
        train(pool, arguments.output)
    kept = [each for each in found if held_out(each.key)]
    own = LivenessEstimator({"liveness": [Model("facet_liveness", "facet-liveness", open_session(arguments.output))]})
    for name, told in measured({arguments.output.name: own, "the MiniFASNet pair": pair}, kept).items():
        print(f"\n{name} on images held out\n{report(told)}")


def minifasnet(store: ModelStore) -> LivenessEstimator:
    """The pair that is the default, and the teacher here."""
    return LivenessEstimator({"liveness": [store.load(store.manifest.models[name]) for name in _PAIR]})


def examples(found: Sequence[Photograph], pair: LivenessEstimator) -> list[Example]:
    """The photographs and attacks on them, without those of the set that is never learned from."""
    found = [each for each in found if each.source != UNSEEN]
    return [
        Example(
            _WIDE.crop(each.shot.image, box_of(each.shot)),
            FACET.crop(each.shot.image, box_of(each.shot)),
            each.source,
            each.kind,
            each.key,
            _answer(pair, each).live,
        )
        for each in _with_attacks(found, _ATTACKS)
    ]


def measured(estimators: Mapping[str, LivenessEstimator], found: Sequence[Photograph]) -> dict[str, list[Answer]]:
    """By name what each estimator says of the photographs and of attacks on them."""
    told: dict[str, list[Answer]] = {name: [] for name in estimators}
    for each in _with_attacks(found, _TRIALS):
        for name, estimator in estimators.items():
            told[name].append(_answer(estimator, each))
    return told


def _with_attacks(found: Sequence[Photograph], counts: Mapping[str, int]) -> Iterator[Photograph]:
    yield from found
    yield from attacks(found, counts)


def _answer(estimator: LivenessEstimator, of: Photograph) -> Answer:
    view = estimator.view(of.shot.image, Attributes({BOX: box_of(of.shot)}))
    return Answer(of.source, of.kind, of.name, float(estimator.uncalibrated([view])[0]))


def train(pool: Sequence[Example], output: Path) -> None:
    """Writes the network that has learned from the pool."""
    from training.liveness_network import export, trained  # noqa: PLC0415 - PyTorch is not needed to measure

    export(trained(batches(pool, _TEACHER, _SEED), _STEPS, _SEED), FACET.size, output)
    print(f"{output}: {output.stat().st_size / 1e6:.2f} MB")


def choose(pool: Sequence[Example]) -> None:
    """Prints how well people left out are told, by the teacher's share."""
    from training.liveness_network import answers, trained  # noqa: PLC0415 - PyTorch is not needed to measure

    fold_of = folds(pool)
    for share in _TEACHERS:
        told: list[Answer] = []
        for fold in range(_FOLDS):
            inside = [each for each in pool if fold_of[each.source, each.key] != fold]
            outside = [each for each in pool if fold_of[each.source, each.key] == fold]
            network = trained(batches(inside, share, _SEED), _SHORT, _SEED)
            scores = answers(network, [each.crop for each in outside])
            told += [
                Answer(each.source, each.kind, "", float(score)) for each, score in zip(outside, scores, strict=True)
            ]
        print(f"\nteacher's share {share}, people left out\n{report(told)}", flush=True)
    told = [Answer(each.source, each.kind, "", each.teacher) for each in pool]
    print(f"\nthe teacher itself\n{report(told)}", flush=True)


def folds(pool: Sequence[Example]) -> dict[tuple[str, str], int]:
    """By set and person the fold in which they are left out: one after the other, those with live images first."""
    alive = {(each.source, each.key) for each in pool if each.kind == LIVE}
    people = sorted({(each.source, each.key) for each in pool}, key=lambda one: (one[0], one not in alive, one[1]))
    return {one: index % _FOLDS for index, one in enumerate(people)}


def batches(
    pool: Sequence[Example], teacher: float, seed: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Augmented crops and how live each is to be called, without end.

    Sets have fixed shares, half of each is live, and recorded prints are half of the attacks where there are any.
    """
    random = np.random.default_rng(seed)
    weights = _weights(pool)
    targets = np.array([_SURE if each.kind == LIVE else 1 - _SURE for each in pool])
    targets = (1 - teacher) * targets + teacher * np.array([each.teacher for each in pool])
    while True:
        chosen = random.choice(len(pool), _BATCH, p=weights)
        crops = np.stack([augmented(pool[index].wide, FACET.size, random) for index in chosen])
        yield crops, targets[chosen].astype(np.float32)


def _weights(pool: Sequence[Example]) -> NDArray[np.float64]:
    """(n,) how often each example is drawn; they sum to 1."""
    groups = [(each.source, each.kind == LIVE, each.kind == PRINT) for each in pool]
    sizes = {group: groups.count(group) for group in set(groups)}
    parts = {group: sum(other[:2] == group[:2] for other in sizes) for group in sizes}  # that share a set and a class
    weights = np.array([_SHARES[group[0]] / 2 / parts[group] / sizes[group] for group in groups])
    return np.asarray(weights / weights.sum(), np.float64)


if __name__ == "__main__":
    main()
