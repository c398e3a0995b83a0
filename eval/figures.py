"""Accuracy figures: pure functions of labels and answers.

Labels are booleans and scores grow with the positive class, unless a name says distance. Rates lie in [0, 1].
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import recall_score, roc_auc_score, roc_curve

Boxes = Sequence[tuple[float, float, float, float]]  # left, top, right, bottom, all in one unit


class Interval(NamedTuple):
    """A mean and the standard deviation over the folds it is the mean of."""

    mean: float
    deviation: float


class Detection(NamedTuple):
    """How well boxes are found at an overlap (intersection over union) of at least one half."""

    average_precision: float
    recall: float  # at the lowest confidence there is


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
    """The chance that a positive scores higher than a negative."""
    return float(roc_auc_score(labels, scores))


def equal_error_rate(labels: ArrayLike, scores: ArrayLike) -> float:
    """The error rate where as many positives are refused as negatives are accepted: the mean of the two there."""
    false_accepts, true_accepts, _ = roc_curve(labels, scores, drop_intermediate=False)
    misses = 1 - true_accepts
    nearest = int(np.argmin(np.abs(false_accepts - misses)))
    return float(false_accepts[nearest] + misses[nearest]) / 2


def error_rates(labels: Sequence[bool], verdicts: Sequence[bool]) -> tuple[float, float]:
    """The share of negatives taken for positive (APCER) and of positives taken for negative (BPCER)."""
    positive, accepted = np.asarray(labels, np.bool_), np.asarray(verdicts, np.bool_)
    return float(np.mean(accepted[~positive])), float(np.mean(~accepted[positive]))


def fold_accuracy(folds: ArrayLike, same: ArrayLike, distances: ArrayLike) -> Interval:
    """Verification accuracy, each fold at the threshold that is best for all the other folds.

    This is how accuracy on Labeled Faces in the Wild is defined ("image-restricted", 10 folds). A pair is accepted
    where its distance is not above the threshold; an infinite distance is never accepted.
    """
    fold, label, distance = np.asarray(folds), np.asarray(same, np.bool_), np.asarray(distances, np.float64)
    rates = []
    for held_out in np.unique(fold):
        test = fold == held_out
        threshold = _best_threshold(label[~test], distance[~test])
        rates.append(np.mean((distance[test] <= threshold) == label[test]))
    return Interval(float(np.mean(rates)), float(np.std(rates)))


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


def true_accepts_at(false_accept_rate: float, same: ArrayLike, distances: ArrayLike) -> float:
    """The share of genuine pairs accepted where at most this share of impostor pairs is."""
    label, distance = np.asarray(same, np.bool_), np.asarray(distances, np.float64)
    impostors = np.sort(distance[~label])
    allowed = int(false_accept_rate * len(impostors) + 1e-9)
    bar = impostors[allowed] if allowed < len(impostors) else np.inf
    return float(np.mean(distance[label] < bar))


def overlap(first: tuple[float, float, float, float], second: tuple[float, float, float, float]) -> float:
    """Intersection over union."""
    across = min(first[2], second[2]) - max(first[0], second[0])
    along = min(first[3], second[3]) - max(first[1], second[1])
    common = max(across, 0.0) * max(along, 0.0)
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)) - common
    return common / union if union > 0 else 0.0


def detection(labels: Sequence[Boxes], found: Sequence[Sequence[tuple[float, Any]]]) -> Detection:
    """Average precision and recall of the (confidence, box) found in each image.

    By descending confidence over all images, each box found takes the free labelled box of its image that it overlaps
    most, if by one half. Average precision is the area under precision, made never to grow with recall.
    """
    ranked = sorted(
        ((confidence, image, box) for image, boxes in enumerate(found) for confidence, box in boxes),
        key=lambda entry: -entry[0],
    )
    free = [list(boxes) for boxes in labels]
    total = sum(map(len, free))
    hits = []
    for _, image, box in ranked:
        match = max(free[image], key=lambda label, box=tuple(box): overlap(label, box), default=None)  # type: ignore[misc]
        hit = match is not None and overlap(match, tuple(box)) >= 0.5
        if match is not None and hit:
            free[image].remove(match)
        hits.append(hit)
    if not hits or not total:
        return Detection(0.0, 0.0)
    true = np.cumsum(hits)
    precision = np.maximum.accumulate((true / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return Detection(float(np.sum(precision * hits)) / total, float(true[-1]) / total)
