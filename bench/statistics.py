"""The figures of a benchmark: percentiles of one measurement, and the median and the spread of several."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple


def percentile(ascending: Sequence[float], share: float) -> float:
    """The smallest of the values that ``share`` (0..1) of all do not exceed; not a number without values."""
    if not ascending:
        return math.nan
    return ascending[min(max(math.ceil(share * len(ascending)) - 1, 0), len(ascending) - 1)]


class Spread(NamedTuple):
    """The median of repeated measurements, the least and the greatest of them, and how many there are."""

    median: float
    least: float
    greatest: float
    repeats: int


def spread(values: Sequence[float]) -> Spread | None:
    """The spread of the values that are numbers; none without any."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return None
    return Spread(statistics.median(known), min(known), max(known), len(known))


def ratios(values: Sequence[float], others: Sequence[float]) -> list[float]:
    """Each value over the other one of the same round; not a number where either is not, or the other is 0."""
    return [
        value / other if other and math.isfinite(other) else math.nan
        for value, other in zip(values, others, strict=True)
    ]
