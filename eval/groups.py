"""False matches within groups of people: how often strangers of one group are taken for one person.

A threshold that lets one stranger in a thousand pass on average may let many more pass among people who look alike to
the network: children, or a population that was rare among the images it learned from.

Pure functions of vectors and labels. Pairs share images, and images share people, so intervals come from drawing whole
people again; they are never narrower than if all pairs were independent.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from estimators.base import Image
from estimators.calibration import distances
from eval.bootstrap import RESAMPLES, middle, no_narrower

_HASH = 16  # rows of a difference hash, and comparisons in each

# How many of the 256 bits may differ between versions of one picture. Of 800 portraits (age_gender) two pairs are the
# same picture, cut or lit otherwise: 20 and 29 bits of their face boxes differ. All other pairs differ in 37 or more.
_SAME_PICTURE = 32


class Pairs(NamedTuple):
    """All pairs of images of different people."""

    people: NDArray[np.intp]  # (n,) who each image shows, by number from 0
    first: NDArray[np.intp]  # (m,) index of an image
    second: NDArray[np.intp]  # (m,) of another
    distances: NDArray[np.int64]  # (m,) 0..10000, as verify-matcher answers them


class GroupRate(NamedTuple):
    """Which share of a group's pairs of strangers a threshold takes for one person, with its 95 % interval."""

    group: str
    people: int
    pairs: int
    accepted: int
    rate: float
    low: float
    high: float


def impostors(vectors: ArrayLike, people: Sequence[str]) -> Pairs:
    """The pairs of different people, by the (n, d) vectors of the images' templates and by who each image shows."""
    who = np.unique(list(people), return_inverse=True)[1]
    directions = np.asarray(vectors, np.float64)
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    first, second = np.triu_indices(len(directions), 1)
    strangers = who[first] != who[second]
    first, second = first[strangers], second[strangers]
    return Pairs(who, first, second, distances((directions @ directions.T)[first, second]))


def pair_groups(pairs: Pairs, groups: Sequence[str], mixed: str | None = None) -> NDArray[np.str_]:
    """(m,) the group of each pair, by the group of each image: "a" where both are of it, else "a and b".

    ``mixed`` is one name for all pairs of two groups, where these are too many to tell apart.
    """
    names, codes = np.unique(np.asarray(groups, np.str_), return_inverse=True)
    low, high = np.sort(np.stack([codes[pairs.first], codes[pairs.second]]), axis=0)
    across = np.array([[mixed or f"{one} and {other}" for other in names] for one in names])
    return np.asarray(np.where(low == high, names[low], across[low, high]), np.str_)


def false_matches(
    pairs: Pairs, groups: ArrayLike, threshold: int, resamples: int = RESAMPLES, seed: int = 0
) -> list[GroupRate]:
    """The share of pairs whose distance is ``threshold`` or less, in each of the ``groups`` (m,) of pairs, by name."""
    accepted = pairs.distances <= threshold
    labels = np.asarray(groups, np.str_)
    weights = resampled(len(np.unique(pairs.people)), resamples, seed)
    found = []
    for name in np.unique(labels).tolist():
        members = labels == name
        count, hits = int(members.sum()), int((members & accepted).sum())
        drawn = _drawn(pairs, members, weights)
        passed = np.full(resamples, np.nan)
        np.divide(_drawn(pairs, members & accepted, weights), drawn, out=passed, where=drawn > 0)
        people = np.union1d(pairs.people[pairs.first[members]], pairs.people[pairs.second[members]])
        found.append(GroupRate(name, len(people), count, hits, hits / count, *no_narrower(middle(passed), hits, count)))
    return found


def _drawn(pairs: Pairs, chosen: NDArray[np.bool_], weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """(resamples,) how many of the chosen pairs (m,) there are, by how often each person is: (resamples, people)."""
    people = weights.shape[1]
    codes = pairs.people[pairs.first[chosen]] * people + pairs.people[pairs.second[chosen]]
    table = np.bincount(codes, minlength=people**2).reshape(people, people).astype(np.float32)
    return np.asarray((weights @ table * weights).sum(axis=1, dtype=np.float64))


def resampled(people: int, resamples: int, seed: int) -> NDArray[np.float32]:
    """(resamples, people): how often each person is there when as many people as there are are drawn again."""
    draws = np.random.default_rng(seed).multinomial(people, np.full(people, 1 / people), size=resamples)
    return draws.astype(np.float32)


def difference_hash(picture: Image) -> NDArray[np.bool_]:
    """(256,) which of neighbouring parts of a picture is the brighter one: nearly the same for versions of it."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_HASH + 1, _HASH), interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.asarray(small[:, 1:] > small[:, :-1]).ravel()


def repeated(hashes: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """(n,) whether a picture repeats an earlier one, by the ``difference_hash`` of each one's face box.

    Where labels do not say who is who, such pairs would count as strangers.
    """
    bits = np.array(hashes, np.float32).reshape(len(hashes), -1)
    differing = bits @ (1 - bits).T
    same = np.triu(differing + differing.T <= _SAME_PICTURE, 1)
    return np.asarray(same.any(axis=0))
