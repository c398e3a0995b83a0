"""Figures and how sure they are: 95 % intervals by the bootstrap (Efron 1979), percentiles of resampled figures.

What is drawn, with replacement, are the items of the sample or, where several of them belong together (the boxes of an
image, the images of a person), such clusters whole. A share that is 0 or 1 in the sample stays so in every resample,
and few clusters may agree by chance: the interval of a share is never narrower than the exact binomial one (Clopper
and Pearson 1934), of the clusters where all items agree. A figure of another kind that is the same in every resample
has no interval.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

LEVEL = 0.95
RESAMPLES = 1000

Statistic = Callable[..., float]  # of (n,) columns


class Figure(NamedTuple):
    """One measured number of a task."""

    name: str
    value: float
    size: int  # of the sample: images, faces, pairs or boxes it is measured on
    interval: tuple[float, float] | None = None  # of 95 %; none where the figure is a plain count
    yardstick: float | None = None  # what the reference models reach on all of the same images
    half: bool = False  # measured only on the half that nothing was fitted to


@dataclass(frozen=True)
class Bootstrap:
    """Makes figures with their intervals; the same seed gives the same intervals."""

    seed: int = 0
    resamples: int = RESAMPLES

    def figure(
        self,
        name: str,
        statistic: Statistic,
        *columns: ArrayLike,
        clusters: Sequence[Any] | None = None,
        yardstick: float | None = None,
    ) -> Figure:
        """A figure of (n,) columns; ``clusters`` (n,) says which items are drawn together, by default none.

        Raises ``ValueError`` where there is nothing to measure.
        """
        arrays = [np.asarray(column) for column in columns]
        size = len(arrays[0])
        if not size:
            raise ValueError("there is nothing to measure")
        value = float(statistic(*arrays))
        low, high = self.interval(lambda chosen: statistic(*(array[chosen] for array in arrays)), size, clusters)
        return Figure(name, value, size, (low, high) if low < high else None, yardstick)

    def share(
        self, name: str, hits: ArrayLike, clusters: Sequence[Any] | None = None, yardstick: float | None = None
    ) -> Figure:
        """The share of true ones among (n,) ``hits``."""
        found = np.asarray(hits, np.bool_)
        if not len(found):
            raise ValueError("there is nothing to measure")
        value, drawn = (
            float(found.mean()),
            self.interval(lambda chosen: float(found[chosen].mean()), len(found), clusters),
        )
        # Where all agree, as many items as there are clusters are what is known: frames of one person are much alike.
        alone = len(found) if clusters is None or 0 < value < 1 else len(set(clusters))
        return Figure(name, value, len(found), no_narrower(drawn, round(value * alone), alone), yardstick)

    def interval(
        self, statistic: Callable[[NDArray[np.int64]], float], size: int, clusters: Sequence[Any] | None = None
    ) -> tuple[float, float]:
        """The interval of a statistic of the indices of ``size`` items; resamples without a figure do not count.

        (nan, nan) where no resample has a figure.
        """
        members = _members(clusters, size)
        generator = np.random.default_rng(self.seed)
        drawn = []
        for _ in range(self.resamples):
            chosen = generator.integers(len(members), size=len(members))
            indices = chosen if clusters is None else np.concatenate([members[index] for index in chosen])
            try:
                drawn.append(float(statistic(indices)))
            except ValueError:  # one class alone has no curve
                continue
        return middle(drawn)


def middle(values: ArrayLike) -> tuple[float, float]:
    """The 95 % interval by resampled figures (n,); those that say nothing, being no numbers, are left out.

    (nan, nan) where none says anything.
    """
    drawn = np.asarray(values, np.float64)
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return float("nan"), float("nan")
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def no_narrower(interval: tuple[float, float], hits: int, count: int) -> tuple[float, float]:
    """An interval of a share, made to hold the exact one of ``hits`` among ``count`` independent trials."""
    exact = binomtest(hits, count).proportion_ci(LEVEL, "exact")
    low, high = float(exact.low), float(exact.high)
    return (min(interval[0], low), max(interval[1], high)) if np.isfinite(interval).all() else (low, high)


def _members(clusters: Sequence[Any] | None, size: int) -> Sequence[NDArray[np.int64]] | range:
    if clusters is None:
        return range(size)
    places: dict[Any, list[int]] = {}
    for index, cluster in enumerate(clusters):
        places.setdefault(cluster, []).append(index)
    return [np.array(indices, np.int64) for indices in places.values()]
