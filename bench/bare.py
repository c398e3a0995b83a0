"""The limit: Facet's estimators, or the reference pipeline, in a plain loop, one process a core, nothing around it."""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from bench.photos import Photo
from bench.pipeline import FITTER, graph_answer, nodes, ordered, settings, single_answer
from bench.reference import Reference
from estimators import CATALOGUE, Matcher
from serving.engine.loading import Loader

GRAPH, REFERENCE = "graph", "reference"  # what a loop does, besides the names of single services


class Task(NamedTuple):
    """A loop over one photo: first ``warm`` seconds that do not count, then ``seconds``."""

    work: str  # GRAPH, REFERENCE or the name of a service
    photo: str
    warm: float
    seconds: float


class Loop(NamedTuple):
    """What one process did: answers, seconds and CPU seconds from the first that counts to the last, and faces."""

    latencies: Sequence[float]  # seconds, of each answer
    seconds: float
    cpu: float
    faces: int  # in the last answer


def looped(answer: Callable[[], Sequence[object]], warm: float, seconds: float) -> Loop:
    """Calls ``answer`` again and again; the time is that of whole calls."""
    stop = time.perf_counter() + warm
    found = answer()
    while time.perf_counter() < stop:
        found = answer()
    latencies: list[float] = []
    cpu, start = time.process_time(), time.perf_counter()
    now = start
    while now - start < seconds or not latencies:
        found = answer()
        last, now = now, time.perf_counter()
        latencies.append(now - last)
    return Loop(latencies, now - start, time.process_time() - cpu, len(found))


class Worker:
    """All that a process of the limit may be asked to do, with the models of each in memory once it was asked."""

    def __init__(self, photos: Mapping[str, Photo], mirror: Path | None) -> None:
        self._photos, self._mirror = photos, mirror
        chosen = settings()
        self._loader = Loader(chosen)
        self._graph = nodes(ordered(chosen), self._loader)
        self._reference: Reference | None = None

    def answers(self, work: str, photo: str) -> Callable[[], Sequence[object]]:
        """The call that a loop repeats."""
        data = self._photos[photo].data
        if work == GRAPH:
            return lambda: graph_answer(data, self._graph)
        if work == REFERENCE:
            pipeline = self._plain()
            return lambda: pipeline.answer(data)
        service = self._loader.node(work)
        faces = graph_answer(data, {FITTER: self._graph[FITTER]})
        return lambda: single_answer(service, data, faces)

    def _plain(self) -> Reference:
        if self._reference is None:
            if self._mirror is None:
                raise ValueError("the reference pipeline needs the models of a mirror")
            self._reference = Reference(self._mirror)
        return self._reference


def _serve(pipe: "Connection[Any, Any]", photos: Mapping[str, Photo], mirror: Path | None) -> None:
    """The life of a worker process: does each task that comes, until none comes."""
    try:
        worker = Worker(photos, mirror)
    except Exception as error:  # noqa: BLE001 - it is told where the process was started
        pipe.send(error)
        return
    pipe.send(None)
    while (task := pipe.recv()) is not None:
        try:
            pipe.send(looped(worker.answers(task.work, task.photo), task.warm, task.seconds))
        except Exception as error:  # noqa: BLE001 - it is told where the task came from
            pipe.send(error)


class Bare:
    """The processes of the limit."""

    def __init__(self, pipes: Sequence["Connection[Any, Any]"]) -> None:
        self._pipes = pipes

    def run(self, task: Task, processes: int | None = None) -> list[Loop]:
        """What each of the processes, or of the first few, did at the same time."""
        chosen = self._pipes[:processes]
        for pipe in chosen:
            pipe.send(task)
        return [_received(pipe) for pipe in chosen]


def _received(pipe: "Connection[Any, Any]") -> Any:
    """What a process has to say; raises what went wrong there."""
    found = pipe.recv()
    if isinstance(found, Exception):
        raise found
    return found


@contextmanager
def bare(photos: Mapping[str, Photo], processes: int, mirror: Path | None) -> Iterator[Bare]:
    """The processes, with the models of the graph loaded, for the length of the block."""
    context = multiprocessing.get_context("spawn")
    pipes: list[Connection[Any, Any]] = []
    workers = []
    try:
        for _ in range(processes):
            here, there = context.Pipe()
            worker = context.Process(target=_serve, args=(there, photos, mirror), daemon=True)
            worker.start()
            there.close()
            pipes.append(here)
            workers.append(worker)
        for pipe in pipes:
            _received(pipe)
        yield Bare(pipes)
    finally:
        for pipe, worker in zip(pipes, workers, strict=True):
            if worker.is_alive():
                pipe.send(None)
            worker.join(10)
            if worker.is_alive():
                worker.kill()


def single_services() -> list[str]:
    """The services that can be asked about one photo by themselves: all but those that compare."""
    return [name for name, kind in CATALOGUE.items() if not issubclass(kind, Matcher)]
