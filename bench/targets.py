"""What the project wants to reach, and what a run reached: ratios within the run, medians of its rounds."""

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from bench import photos
from bench.bare import GRAPH, REFERENCE
from bench.measure import PLANNED, USUAL
from bench.results import Cell, Figures, Results
from bench.statistics import Spread, spread
from bench.systems import LIMIT

REMOTE, NAIVE = "d", "c"
AGE = "age-estimator"


class Target(NamedTuple):
    """One row: what is wanted, and the measured values of the rounds; none where it was not measured."""

    name: str
    least: bool  # whether at least, or at most, the limit is wanted
    limit: float
    unit: str
    reached: Spread | None
    note: str = ""

    @property
    def is_reached(self) -> bool | None:
        """Whether the median is within the limit; none where nothing was measured."""
        if self.reached is None:
            return None
        compare = operator.ge if self.least else operator.le
        return bool(compare(self.reached.median, self.limit))


def targets(results: Results) -> list[Target]:
    """The table of targets; ``results`` need not have everything."""
    return list(_Rows(results).rows())


def _rate(figures: Figures) -> float:
    return figures.rate


@dataclass(frozen=True)
class _Rows:
    results: Results

    def rows(self) -> Iterator[Target]:
        names = list(dict.fromkeys(cell.photo for cell in self.results.cells() if cell.work == GRAPH))
        if not names:
            return
        first, *others = names
        for concurrency in (USUAL, 32):
            yield self._share(PLANNED, first, concurrency, 0.97)
        for name in others:
            yield self._share(PLANNED, name, USUAL, 0.97)
        yield self._latency(first)
        yield self._share(REMOTE, first, USUAL, 0.80)
        yield self._naive(first)
        yield self._reference(first)
        yield self._single(first)
        yield from self._footprints()
        yield self._endurance()

    def _ratios(self, system: str, photo: str, concurrency: int) -> dict[int, float]:
        served = Cell(system, GRAPH, photo, concurrency, "multipart")
        return self.results.ratios(served, Cell(LIMIT, GRAPH, photo, self.results.cores), _rate)

    def _share(self, system: str, photo: str, concurrency: int, limit: float) -> Target:
        name = f"({system}) / (a) throughput, {photos.told(photo)}, c = {concurrency}"
        return Target(name, True, limit, "", spread(list(self._ratios(system, photo, concurrency).values())))

    def _latency(self, photo: str) -> Target:
        served, limit = Cell(PLANNED, GRAPH, photo, 1, "multipart"), Cell(LIMIT, GRAPH, photo, 1)
        found = self.results.ratios(served, limit, lambda figures: figures.p50)
        return Target("(e) p50 at c = 1 over the latency of (a)", False, 1.10, "", spread(list(found.values())))

    def _naive(self, photo: str) -> Target:
        """Each of both over the limit measured just before it, then one over the other."""
        planned, naive = (self._ratios(system, photo, USUAL) for system in (PLANNED, NAIVE))
        rounds = sorted(planned.keys() & naive.keys())
        found = [planned[each] / naive[each] for each in rounds if naive[each]]
        return Target(f"(e) / (c) throughput, {photos.told(photo)}, c = {USUAL}", True, 2.2, "", spread(found))

    def _reference(self, photo: str) -> Target:
        limit, plain = (Cell(LIMIT, work, photo, self.results.cores) for work in (GRAPH, REFERENCE))
        mine, others = (self.results.by_round(each, PLANNED, lambda figures: figures.cpu) for each in (limit, plain))
        found = [mine[each] / others[each] for each in sorted(mine.keys() & others.keys()) if others[each]]
        return Target("(a) CPU an image over the reference pipeline's", False, 0.60, "", spread(found))

    def _single(self, photo: str) -> Target:
        found = beyond_the_model(self.results, AGE, photo)
        return Target(f"{AGE}, msgpack, c = {USUAL}: CPU beyond the model", False, 1.5, "ms", spread(found))

    def _footprints(self) -> Iterator[Target]:
        mine = [each for each in self.results.footprints if each.system == PLANNED]
        ready, loaded = spread([each.ready / 1e9 for each in mine]), spread([each.loaded / 1e9 for each in mine])
        after = f"{loaded.median:.2f} GB after the load" if loaded else ""
        yield Target("(e) memory once ready, Ray included", False, 1.6, "GB", ready, after)
        seconds = spread([each.seconds for each in mine])
        yield Target("(e) seconds from `facet serve` until ready", False, 25, "s", seconds)

    def _endurance(self) -> Target:
        endured = self.results.endurance
        if endured is None:
            return Target("(e) memory after 20,000 requests beside that after 2,000", False, 3.0, "%", None)
        name = f"(e) memory after {endured.requests[-1]:,} requests beside that after {endured.requests[0]:,}"
        note = ", ".join(f"{size / 1e9:.3f} GB" for size in endured.memory)
        return Target(name, False, 3.0, "%", spread([abs(endured.growth) * 100]), note)


def beyond_the_model(results: Results, service: str, photo: str) -> list[float]:
    """Milliseconds of CPU that a request to a service costs beyond decoding, cutting and the model, by round."""
    served = results.by_round(Cell(PLANNED, service, photo, USUAL, "msgpack"), PLANNED, lambda each: each.cpu)
    alone = results.by_round(Cell(LIMIT, service, photo, results.cores), PLANNED, lambda each: each.cpu)
    return [served[each] - alone[each] for each in sorted(served.keys() & alone.keys())]
