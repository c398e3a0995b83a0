"""What a benchmark measured: a flat list, from which everything that is told is computed."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bench.load import Outcome
from bench.statistics import ratios

Json = dict[str, Any]


class Cell(NamedTuple):
    """What is measured: a system, what it does, with which photo, how many at once, and in which format.

    ``work`` is "graph", "reference" or the name of a service. Of the limit, ``concurrency`` is the number of processes.
    """

    system: str
    work: str
    photo: str
    concurrency: int
    format: str = ""

    @property
    def title(self) -> str:
        words = [f"({self.system})", self.work, self.photo, f"c={self.concurrency}", self.format]
        return " ".join(word for word in words if word)


class Figures(NamedTuple):
    """One measurement. Latencies in milliseconds; processor time in milliseconds an image."""

    rate: float  # images a second
    p50: float
    p95: float
    p99: float
    cpu: float  # of all processes of the system
    driver: float  # of the driver
    answers: int
    failures: Mapping[str, int]  # by kind


class Measurement(NamedTuple):
    """A cell measured in a round, beside the server ``slot``: every server has the limit measured just before it."""

    cell: Cell
    round: int
    slot: str
    figures: Figures


class Footprint(NamedTuple):
    """A server in a round: seconds until it was ready, and its memory in bytes then and after the load."""

    system: str
    round: int
    seconds: float
    processes: int
    ready: int
    loaded: int


class Endurance(NamedTuple):
    """Memory of a server in bytes after so many requests."""

    requests: Sequence[int]
    memory: Sequence[int]
    failures: Mapping[str, int]

    @property
    def growth(self) -> float:
        """By which share the memory of the end differs from that of the beginning."""
        return self.memory[-1] / self.memory[0] - 1


@dataclass(frozen=True)
class Results:
    """A whole run; ``about`` says where and how it was made, docs/performance.md names its members."""

    about: Json
    measurements: Sequence[Measurement]
    footprints: Sequence[Footprint]
    endurance: Endurance | None = None

    @property
    def cores(self) -> int:
        """How many processes the limit has."""
        return int(self.about["cores"])

    def cells(self) -> list[Cell]:
        """The cells that were measured, in their order."""
        return list(dict.fromkeys(each.cell for each in self.measurements))

    def values(self, cell: Cell, of: Callable[[Figures], float]) -> list[float]:
        """A figure of a cell in all its measurements."""
        return [of(each.figures) for each in self.measurements if each.cell == cell]

    def by_round(self, cell: Cell, slot: str, of: Callable[[Figures], float]) -> dict[int, float]:
        """A figure of a cell measured beside ``slot``, by round."""
        return {each.round: of(each.figures) for each in self.measurements if each.cell == cell and each.slot == slot}

    def ratios(self, cell: Cell, limit: Cell, of: Callable[[Figures], float]) -> dict[int, float]:
        """A figure of a server's cell over that of the limit measured just before it, by round."""
        mine, others = (self.by_round(each, cell.system, of) for each in (cell, limit))
        rounds = sorted(mine.keys() & others.keys())
        found = ratios([mine[each] for each in rounds], [others[each] for each in rounds])
        return dict(zip(rounds, found, strict=True))


def figures_of(outcome: Outcome) -> Figures:
    """The figures of a driven server, whose meter counted CPU seconds."""
    images = outcome.ok
    share = 1000 / images if images else math.nan
    p50, p95, p99 = (outcome.percentile(each) * 1000 for each in (0.5, 0.95, 0.99))
    return Figures(
        outcome.rate, p50, p95, p99, outcome.server * share, outcome.driver * share, images, dict(outcome.failures)
    )
