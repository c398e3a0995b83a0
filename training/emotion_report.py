"""Prints what each part of the emotion estimator is good for: the figures of docs/confidence.md.

    python -m training.emotion_report --data FOLDER --model-folder FOLDER

``emotion`` in the data folder has ``images/``, crops of faces (FER2013, private test part), and ``labels.csv`` with
``path, emotion``; ``verification`` has the photographs of Labeled Faces in the Wild. Measured is on the half of FER2013
that is held out. Whether a change helps is asked twice: of the verdicts by McNemar's exact test, of the confidences by
the log loss, each way with slopes of its own from the other half, and a bootstrap interval of the difference.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from estimators.base import Image
from estimators.confidence import Scaling
from estimators.emotion import NETWORKS, EmotionEstimator
from models import Model
from schemas.attributes import BOX, EMOTION_NAMES, Attributes
from training import inputs
from training.calibrate_confidence import Answers, fitted
from training.faces import first_of_each_person, open_store
from training.mask_faces import detected_faces
from training.questions import QUESTIONS, labelled, likely

Array = NDArray[np.float64]

_DRAWS = 4000
_SURE = 0.5  # confidence of a face in photographs


class Way(NamedTuple):
    """What one way of asking the networks tells: of the labelled crops, and of photographs, (n, 7) a network."""

    name: str
    labelled: tuple[Array, ...]
    photographs: tuple[Array, ...]


def main() -> None:
    parser = inputs.parser(
        "Reports what the parts of the emotion estimator are good for.", "folder with emotion/ and verification/"
    )
    arguments = parser.parse_args()

    store = open_store(arguments.model_folder)
    models = store.open("expression")
    estimator = EmotionEstimator({"expression": models})
    (question,) = (each for each in QUESTIONS if each.estimator is EmotionEstimator)
    seen = list(labelled(question, store, arguments.data))
    truth = np.array([question.truth(row) for row, _, _ in seen], np.int64)
    held = np.array([question.is_held(row) for row, _, _ in seen])
    crops = [estimator.view(image, Attributes({BOX: box})) for _, image, box in seen]
    detector = store.open("face-detection")[0]
    photographs = [
        estimator.view(face.image, Attributes({BOX: face.box}))
        for face in detected_faces(detector, first_of_each_person(arguments.data), _SURE)
    ]
    before = None
    for way in _ways(models, crops, photographs):
        halves = [Answers(way.labelled, truth, held).half(which) for which in (False, True)]
        scaling = fitted(halves[0])
        shares = halves[1].scaled(scaling)
        _tell(way, scaling, shares, halves[1].truth)
        if before is not None:
            _compare(before, shares, halves[1].truth)
        before = shares if before is None else before


def _ways(models: Sequence[Model], crops: Sequence[Image], photographs: Sequence[Image]) -> list[Way]:
    """One look of the first network; as the estimator asks it; all networks as the estimator asks them."""
    first = models[0]
    ask = NETWORKS[first.architecture].emotions
    plain = [ask(first.run, list(each)).astype(np.float64) for each in (crops, photographs)]
    ways = [Way(f"{first.name}, one look", (plain[0],), (plain[1],))]
    for some in {1, len(models)}:
        estimator = EmotionEstimator({"expression": models[:some]})
        name = " + ".join(model.name for model in models[:some])
        ways.append(Way(f"{name}, as asked here", likely(estimator, crops), likely(estimator, photographs)))
    return ways


def _tell(way: Way, scaling: Scaling, shares: Array, truth: NDArray[np.int64]) -> None:
    told = shares.argmax(1)
    recalls = [float((told == truth)[truth == label].mean()) for label in range(len(EMOTION_NAMES))]
    print(f"{way.name}, slopes {scaling.slopes}: {len(truth)} crops, accuracy {(told == truth).mean():.3f}, "
          f"macro recall {np.mean(recalls):.3f}, log loss {_losses(shares, truth).mean():.3f}")  # fmt: skip
    print(f"  recall: {_by_name(recalls)}")
    common = np.bincount(scaling.classes(*way.photographs).argmax(1), minlength=len(EMOTION_NAMES))
    print(f"  told of {common.sum()} photographs: {_by_name(common / common.sum())}")


def _compare(before: Array, after: Array, truth: NDArray[np.int64]) -> None:
    """Prints what ``after`` gains over ``before``, (n, 7) each."""
    was, now = before.argmax(1) == truth, after.argmax(1) == truth
    better, worse = int((now & ~was).sum()), int((was & ~now).sum())
    gain = _losses(after, truth) - _losses(before, truth)
    draws = np.random.default_rng(0).integers(0, len(gain), (_DRAWS, len(gain)))
    low, high = np.percentile(gain[draws].mean(1), (2.5, 97.5))
    print(f"  against one look: {better} verdicts mended, {worse} spoilt, "
          f"p = {binomtest(better, max(better + worse, 1)).pvalue:.3f}; "
          f"log loss {gain.mean():+.3f}, 95 % interval {low:+.3f} to {high:+.3f}")  # fmt: skip


def _losses(shares: Array, truth: NDArray[np.int64]) -> Array:
    losses: Array = -np.log(np.maximum(shares[np.arange(len(truth)), truth], 1e-300))
    return losses


def _by_name(values: Sequence[float] | Array) -> str:
    by_name: Mapping[str, float] = dict(zip(EMOTION_NAMES, values, strict=True))
    return ", ".join(f"{name} {value:.2f}" for name, value in by_name.items())


if __name__ == "__main__":
    main()
