"""All pairs of images of people who are known: how far apart they are, and how often, by who is drawn how often."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators.calibration import FARTHEST, distances

Histogram = NDArray[np.int64]  # (10001,) numbers of pairs by distance


class EveryPair(NamedTuple):
    """All pairs of the images, (m,) each."""

    distances: NDArray[np.int64]
    first: NDArray[np.intp]  # who the first image shows, by number
    second: NDArray[np.intp]

    @property
    def people(self) -> int:
        return int(max(self.first.max(), self.second.max())) + 1


def every_pair(vectors: NDArray[np.float64], people: Sequence[str]) -> EveryPair:
    """The pairs of images by their (n, d) vectors, of length 1, and by who each shows; there are at least two."""
    who = np.unique(list(people), return_inverse=True)[1]
    first, second = np.triu_indices(len(who), 1)
    return EveryPair(distances((vectors @ vectors.T)[first, second]), who[first], who[second])


def histograms(found: EveryPair, weights: NDArray[np.floating] | None = None) -> tuple[Histogram, Histogram]:
    """By distance the number of impostor and of genuine pairs.

    ``weights`` (people,) says how often each person is there. Two copies of one person make no pair, neither of
    strangers nor, being the same images, of one person.
    """
    same = found.first == found.second
    if weights is None:
        weights = np.ones(found.people)
    weight = np.where(same, weights[found.first], weights[found.first] * weights[found.second])
    impostor, genuine = (
        np.bincount(found.distances[kind], weights=weight[kind], minlength=FARTHEST + 1).astype(np.int64)
        for kind in (~same, same)
    )
    return impostor, genuine
