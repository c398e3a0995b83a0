"""Totals, gauges and histograms as plain numbers of this process, cheap enough for every step of every request.

Recording adds to a number in a dictionary, about half a microsecond; ``serving.cluster.telemetry`` carries the numbers
to Ray every few seconds. They are written from the event loop alone and only read from elsewhere.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

Values = tuple[str, ...]  # of the tags, in the order in which the metric names them


class Sample(NamedTuple):
    """One number of a metric as Prometheus names it."""

    name: str
    tags: dict[str, str]
    value: float


class Number:
    """A number for each combination of tags: a total that only grows, or a ``gauge``, which also shrinks."""

    def __init__(self, name: str, description: str, tags: Sequence[str] = (), *, gauge: bool = False) -> None:
        self.name, self.description, self.tags, self.gauge = name, description, tuple(tags), gauge
        self._numbers: dict[Values, float] = {}

    def add(self, amount: float, *values: str) -> None:
        """Adds ``amount``, which is not negative unless this is a gauge, to the number of these tags."""
        self._numbers[values] = self._numbers.get(values, 0.0) + amount

    def set(self, number: float, *values: str) -> None:
        """Makes it the number of these tags; for gauges alone."""
        self._numbers[values] = number

    def read(self, *values: str) -> float:
        """The number of these tags."""
        return self._numbers.get(values, 0.0)

    def samples(self) -> Iterator[Sample]:
        for values, number in list(self._numbers.items()):
            yield Sample(self.name, dict(zip(self.tags, values, strict=True)), number)

    def names(self) -> tuple[str, ...]:
        """The names of its samples."""
        return (self.name,)


class Histogram:
    """How many observations were at most so large, how many there were, and their sum."""

    def __init__(self, name: str, description: str, buckets: Sequence[float], tags: Sequence[str] = ()) -> None:
        self.name, self.description, self.tags, self.buckets = name, description, tuple(tags), tuple(buckets)
        self._bounds = [*(f"{bound:g}" for bound in buckets), "+Inf"]
        self._rows: dict[Values, list[float]] = {}  # the sum, then how many fell into each bucket

    def observe(self, number: float, *values: str) -> None:
        """Counts one observation into the first bucket whose bound is not below it."""
        row = self._rows.get(values)
        if row is None:
            row = self._rows[values] = [0.0] * (len(self.buckets) + 2)
        row[bisect_left(self.buckets, number) + 1] += 1
        row[0] += number

    def count(self, *values: str) -> int:
        return int(sum(self._rows.get(values, [0.0])[1:]))

    def sum(self, *values: str) -> float:
        return self._rows.get(values, [0.0])[0]

    def samples(self) -> Iterator[Sample]:
        bucket, total, count = self.names()
        for values, row in list(self._rows.items()):
            summed, *counts = row
            tags = dict(zip(self.tags, values, strict=True))
            at_most = list(accumulate(counts))
            for bound, so_far in zip(self._bounds, at_most, strict=True):
                yield Sample(bucket, {**tags, "le": bound}, so_far)
            yield Sample(total, tags, summed)
            yield Sample(count, tags, at_most[-1])

    def names(self) -> tuple[str, ...]:
        """The names of its samples."""
        return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")
