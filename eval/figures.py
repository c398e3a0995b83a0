"""Accuracy figures: pure functions of labels and answers.

Labels are booleans and scores grow with the positive class, unless a name says distance. Rates lie in [0, 1].
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import recall_score, roc_auc_score, roc_curve


class Interval(NamedTuple):
    """A mean and the standard deviation over the folds it is the mean of."""

    mean: float
    deviation: float


def accuracy(labels: Sequence[Any], answers: Sequence[Any]) -> float:
    """The share of answers that equal their labels."""
    return float(np.mean([label == answer for label, answer in zip(labels, answers, strict=True)]))


def macro_recall(labels: Sequence[str], answers: Sequence[str]) -> float:
    """The mean, over the classes among the labels, of the share of each that is found."""
    return float(recall_score(labels, answers, labels=sorted(set(labels)), average="macro", zero_division=0))


def mean_absolute_error(labels: ArrayLike, answers: ArrayLike) -> float:
    return float(np.mean(np.abs(np.subtract(answers, labels))))


def bias(labels: ArrayLike, answers: ArrayLike) -> float:
    """The mean of answer - label."""
    return float(np.mean(np.subtract(answers, labels)))


def area_under_curve(labels: ArrayLike, scores: ArrayLike) -> float:
    """The chance that a positive scores higher than a negative; raises ``ValueError`` where there is one kind only."""
    _check_kinds(labels)
    return float(roc_auc_score(labels, scores))


def equal_error_rate(labels: ArrayLike, scores: ArrayLike) -> float:
    """The error rate where as many positives are refused as negatives are accepted: the mean of the two there."""
    _check_kinds(labels)
    false_accepts, true_accepts, _ = roc_curve(labels, scores, drop_intermediate=False)
    misses = 1 - true_accepts
    nearest = int(np.argmin(np.abs(false_accepts - misses)))
    return float(false_accepts[nearest] + misses[nearest]) / 2


def _check_kinds(labels: ArrayLike) -> None:
    positives = np.asarray(labels, np.bool_)
    if positives.all() or not positives.any():
        raise ValueError("both kinds are needed")


def fold_accuracy(folds: ArrayLike, same: ArrayLike, distances: ArrayLike) -> Interval:
    """Verification accuracy, each fold at the threshold that is best for all the other folds.

    This is how accuracy on Labeled Faces in the Wild is defined ("image-restricted", 10 folds). A pair is accepted
    where its distance is not above the threshold; an infinite distance is never accepted.
    """
    rates = fold_accuracies(folds, same, distances)
    return Interval(float(np.mean(rates)), float(np.std(rates)))


def fold_accuracies(folds: ArrayLike, same: ArrayLike, distances: ArrayLike) -> NDArray[np.float64]:
    """The accuracy in each fold, in the order of their names; see ``fold_accuracy``."""
    fold, label, distance = np.asarray(folds), np.asarray(same, np.bool_), np.asarray(distances, np.float64)
    rates = []
    for held_out in np.unique(fold):
        test = fold == held_out
        threshold = _best_threshold(label[~test], distance[~test])
        rates.append(np.mean((distance[test] <= threshold) == label[test]))
    return np.array(rates)


def _best_threshold(same: NDArray[np.bool_], distance: NDArray[np.float64]) -> float:
    """Halfway between the two neighbouring distances between which most pairs are told right."""
    order = np.argsort(distance, kind="stable")
    steps = np.concatenate([[-np.inf], distance[order]])
    right = np.concatenate([[0], np.cumsum(np.where(same[order], 1, -1))])
    # A threshold lies between two distances that differ: among equals only the last may be split off.
    right = np.where(np.append(steps[1:] > steps[:-1], [True]), right, -len(same) - 1)
    right[steps == np.inf] = -len(same) - 1
    best = int(np.argmax(right))
    low, high = steps[best], steps[min(best + 1, len(steps) - 1)]
    return float((low + high) / 2 if np.isfinite(low) and np.isfinite(high) else low)


def overlap(first: tuple[float, float, float, float], second: tuple[float, float, float, float]) -> float:
    """Intersection over union."""
    across = min(first[2], second[2]) - max(first[0], second[0])
    along = min(first[3], second[3]) - max(first[1], second[1])
    common = max(across, 0.0) * max(along, 0.0)
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)) - common
    return common / union if union > 0 else 0.0


class Reliability(NamedTuple):
    """Answers in ten groups of equal size by their confidence: what they claim, and how often it is so."""

    confidence: NDArray[np.float64]  # (bins,) mean of each
    share: NDArray[np.float64]  # (bins,) that was right
    size: NDArray[np.int64]  # (bins,)


def reliability(right: ArrayLike, confidences: ArrayLike, bins: int = 10) -> Reliability:
    """The (n,) answers by confidence: ``bins`` groups of equal size, fewer where confidences are equal.

    Raises ``ValueError`` where there are no answers.
    """
    hit, confidence = np.asarray(right, np.float64), np.asarray(confidences, np.float64)
    if not len(hit):
        raise ValueError("there is nothing to measure")
    edges = np.unique(np.quantile(confidence, np.linspace(0, 1, bins + 1)[1:-1]))
    places = np.searchsorted(edges, confidence, side="right")
    groups = [places == place for place in np.unique(places)]
    return Reliability(
        np.array([confidence[group].mean() for group in groups]),
        np.array([hit[group].mean() for group in groups]),
        np.array([group.sum() for group in groups]),
    )


def expected_calibration_error(right: ArrayLike, confidences: ArrayLike, bins: int = 10) -> float:
    """The mean distance between what answers claim and how often they are right, over groups of equal size.

    Naeini et al. (2015), "Obtaining Well Calibrated Probabilities Using Bayesian Binning", with equal-mass bins.
    """
    found = reliability(right, confidences, bins)
    return float(np.average(np.abs(found.confidence - found.share), weights=found.size))
