"""One run of the benchmark: rounds, in each of which every server is started, compared with the limit, and ended."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import httpx

from bench import formats
from bench.bare import GRAPH, REFERENCE, Bare, Loop, Task, single_services
from bench.load import Check, Plan, driven
from bench.photos import Photo
from bench.pipeline import FITTER
from bench.processes import CpuMeter, memory
from bench.results import Cell, Figures, Footprint, Measurement, figures_of
from bench.server import Server
from bench.statistics import percentile
from bench.systems import LIMIT, SYSTEMS
from estimators import CATALOGUE, Detector
from schemas.fields import Json
from schemas.wire import JSON, MSGPACK

CORES = len(os.sched_getaffinity(0))
CONCURRENCIES = (1, 8, 32)
USUAL = 8  # the concurrency of everything that is measured at one concurrency only
PLANNED = "e"  # the system of which formats and single services are measured, too
FORMATS, SERVICES = "formats", "services"  # workloads beside the photos

Note = Callable[[str], None]


class WrongAnswer(RuntimeError):
    """A system does not answer what it should; its figures would mean nothing."""


class Wanted(NamedTuple):
    """What to measure."""

    photos: Mapping[str, Photo]
    systems: Sequence[str]
    workloads: Sequence[str]  # names of photos, and of FORMATS and SERVICES
    repeats: int
    seconds: float
    reference: bool  # whether the reference pipeline can run

    @property
    def names(self) -> list[str]:
        """The photos to use; the first is the one of everything that is measured with one photo only."""
        return [name for name in self.photos if name in self.workloads] or list(self.photos)[:1]

    def limits(self, slot: str) -> list[Cell]:
        """What of the limit is measured beside a server."""
        first = self.names[0]
        cells = [Cell(LIMIT, GRAPH, name, CORES) for name in self.names]
        if slot == PLANNED:
            cells[:1] = dict.fromkeys([Cell(LIMIT, GRAPH, first, 1), *cells[:1]])  # the same where there is one core
            cells += [Cell(LIMIT, REFERENCE, first, CORES)] if self.reference else []
            cells += [Cell(LIMIT, name, first, CORES) for name in single_services() if SERVICES in self.workloads]
        return cells

    def cells(self, system: str) -> list[Cell]:
        """What of a server is measured."""
        first, *others = self.names
        cells = [Cell(system, GRAPH, first, concurrency, "multipart") for concurrency in CONCURRENCIES]
        cells += [Cell(system, GRAPH, name, USUAL, "multipart") for name in others]
        if system == PLANNED and FORMATS in self.workloads:
            cells += [Cell(system, GRAPH, first, USUAL, form) for form in formats.FORMATS if form != "multipart"]
        if system == PLANNED and SERVICES in self.workloads:
            cells += [Cell(system, name, first, USUAL, "msgpack") for name in single_services()]
        return cells

    def length(self, cell: Cell) -> float:
        """Seconds of a measurement: longer for crowds, shorter for single services."""
        faces = self.photos[cell.photo].faces or 1
        return self.seconds * min(max(faces / 8, 1), 3) * (1 if cell.work in {GRAPH, REFERENCE} else 0.5)

    def total(self) -> int:
        """How many measurements there will be."""
        return self.repeats * sum(len(self.limits(each)) + len(self.cells(each)) for each in self.systems)


@dataclass
class Run:
    """A benchmark in progress."""

    wanted: Wanted
    bare: Bare
    note: Note  # told before each measurement what it is

    def __post_init__(self) -> None:
        self.measurements: list[Measurement] = []
        self.footprints: list[Footprint] = []
        self.problems: list[str] = []  # why a server was not measured, or not to the end
        self._faces = {name: self._found(name) for name in self.wanted.names}
        self._pace: dict[tuple[str, str], float] = {}  # seconds the limit takes, by work and photo

    def faces(self) -> Mapping[str, int]:
        """How many faces the detector finds on each photo."""
        return self._faces

    def rounds(self) -> None:
        """Measures everything, ``a b a c a d a e`` in each round, where (a) is the limit."""
        for number in range(self.wanted.repeats):
            for system in self.wanted.systems:
                for cell in self.wanted.limits(system):
                    self._noted(cell, number, system, self._limit(cell))
                try:
                    self._server(system, number)
                except (WrongAnswer, TimeoutError, httpx.HTTPError) as error:  # the others are worth measuring
                    self.problems.append(f"({system}) in round {number + 1}: {error}")

    def _noted(self, cell: Cell, number: int, slot: str, figures: Figures) -> None:
        self.measurements.append(Measurement(cell, number, slot, figures))

    def _found(self, name: str) -> int:
        [loop] = self.bare.run(Task(GRAPH, name, 0, 0), 1)
        return loop.faces

    def _limit(self, cell: Cell) -> Figures:
        self.note(cell.title)
        length = self.wanted.length(cell)
        loops = self.bare.run(Task(cell.work, cell.photo, length / 4, length), cell.concurrency)
        figures = looped_figures(loops)
        self._pace[cell.work, cell.photo] = figures.p50 / 1000
        return figures

    def _server(self, system: str, number: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.note(f"({system}) starting")
            with SYSTEMS[system].start(Path(folder) / "log.txt") as server:
                processes, ready = memory(server.processes())
                for cell in self.wanted.cells(system):
                    self._noted(cell, number, system, self._driven(server, cell))
                loaded = memory(server.processes())[1]
                self.footprints.append(Footprint(system, number, server.seconds, processes, ready, loaded))

    def _driven(self, server: Server, cell: Cell) -> Figures:
        self.note(cell.title)
        photo, media_type = self.wanted.photos[cell.photo], MSGPACK if cell.format == "msgpack" else JSON
        check = self._check(cell, media_type)
        request = _request(server.url, cell, photo)
        self._first(server, request, check, cell)
        # Several turns of all connections at the limit's pace, of which two to warm up: slower systems settle, too. But
        # where the machine is so busy that this would take long, the benchmark is not to take forever.
        turn = cell.concurrency / CORES * self._pace.get((cell.work, cell.photo), 0.1)
        usual = self.wanted.length(cell)
        length = min(max(usual, 4 * turn), 3 * usual)
        warm = min(max(length / 4, 2 * turn), length)
        plan = Plan(cell.concurrency, length, warm, check=check, meter=CpuMeter(server.processes))
        return figures_of(driven(server.url, [request], plan))

    def _check(self, cell: Cell, media_type: str) -> Check:
        expected = self._faces[cell.photo]
        if cell.work not in _OTHERS:
            return lambda body: formats.object_count(body, media_type) == expected
        return lambda body: formats.object_count(body, media_type) >= 0

    @staticmethod
    def _first(server: Server, request: bytes, check: Check, cell: Cell) -> None:
        """Asks once and looks at the answer, before anything is measured."""
        outcome = driven(server.url, [request, request], Plan(1, 0, check=check, every=1))
        if outcome.failures or not outcome.ok:
            raise WrongAnswer(f"{cell.title}: {dict(outcome.failures) or 'no answer'}")


# Detectors that have thresholds or classes of their own; all others answer every face that the graph's detector finds.
_OTHERS = [name for name, kind in CATALOGUE.items() if issubclass(kind, Detector) and name != FITTER]


def looped_figures(loops: Sequence[Loop]) -> Figures:
    """The figures of several loops that ran at once."""
    latencies = sorted(chain.from_iterable(loop.latencies for loop in loops))
    p50, p95, p99 = (percentile(latencies, share) * 1000 for share in (0.5, 0.95, 0.99))
    rate = sum(len(loop.latencies) / loop.seconds for loop in loops)
    cpu = sum(loop.cpu for loop in loops) / len(latencies) * 1000
    return Figures(rate, p50, p95, p99, cpu, 0.0, len(latencies), {})


def _request(url: str, cell: Cell, photo: Photo) -> bytes:
    if cell.work == GRAPH:
        return formats.FORMATS[cell.format](url, photo.data)
    objects: list[Json] | None = None
    if not issubclass(CATALOGUE[cell.work], Detector):
        objects = formats.detected(url, photo)
    return formats.single(url, cell.work, photo, objects)
