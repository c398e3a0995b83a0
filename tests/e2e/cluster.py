"""A server under steady load while its processes die or are replaced, and what its clients notice of that (Linux)."""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from bench.load import OK, Outcome, Plan, driven, request_bytes
from bench.server import Server

REFUSED = "refused"
CONCURRENCY = 8
_PATIENCE = 60.0  # seconds for the cluster to do something
_LOOK = 0.2  # seconds between two looks at the processes of a server


class Photo(NamedTuple):
    """A request and the answer that each of its repetitions must have, byte by byte."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    answer: bytes

    def check(self, body: bytes) -> bool:
        """Whether the body of an answer is the one that is expected."""
        return body == self.answer


@dataclass(frozen=True)
class Report:
    """What clients noticed of a fault.

    A client that finds the port closed comes back after 50 ms, as HTTP clients do, so that a refused connection delays
    a request and loses none; for how long connections were refused is told beside. Times are seconds after the fault.
    """

    sent: int
    lost: Mapping[str, int]  # requests without the right answer, by kind
    seconds: float  # of the window in which they were sent
    refused: float  # seconds from the first to the last connection that was refused
    silence: float  # the longest time without a good answer
    recovered: float  # when the last one was lost or refused, or where none was, when the slowest was answered
    slowest: float  # seconds of the slowest good answer
    replaced: float  # when processes of the same kind had taken the place of those that died

    @property
    def share(self) -> float:
        """The part of the requests that failed, 0..1."""
        return sum(self.lost.values()) / self.sent

    def __str__(self) -> str:
        return (
            f"{sum(self.lost.values())} of {self.sent} requests lost in {self.seconds:.0f} s ({self.share:.2%}) "
            f"{dict(self.lost) or ''}; connections refused for {self.refused:.1f} s; longest silence "
            f"{self.silence:.1f} s; slowest answer {self.slowest:.1f} s; recovered after {self.recovered:.1f} s; "
            f"processes replaced after {self.replaced:.1f} s"
        )


def report(outcome: Outcome, fault: float, replaced: float) -> Report:
    """What an outcome says of a fault that came ``fault`` seconds after the start and was over after ``replaced`` more.

    Raises ``ValueError`` where nothing was answered after it.
    """
    lost = Counter({kind: number for kind, number in outcome.failures.items() if kind != REFUSED})
    refused = [each.at for each in outcome.answers if each.kind == REFUSED]
    good = sorted(each.at for each in outcome.answers if each.kind == OK)
    after = [each for each in outcome.answers if each.at >= fault]
    failed = [each.at - fault for each in after if each.kind != OK]
    slowest = max((each for each in after if each.kind == OK), key=lambda each: each.latency)
    return Report(
        sent=outcome.ok + lost.total(),
        lost=lost,
        seconds=outcome.seconds,
        refused=max(refused) - min(refused) if refused else 0.0,
        silence=max((later - earlier for earlier, later in pairwise(good)), default=0.0),
        recovered=max(failed) if failed else slowest.at - fault,
        slowest=slowest.latency,
        replaced=replaced,
    )


def under_load(photo: Photo, seconds: float, fault: Callable[[], float]) -> Report:
    """What clients in another process notice of ``fault``, which comes after a fifth of ``seconds``.

    ``fault`` does the damage and returns the seconds until it was made good.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(os.getpid).result()  # it has started
        clients = pool.submit(_clients, photo, seconds)
        time.sleep(seconds / 5)
        at = time.monotonic()
        replaced = fault()
        start, outcome = clients.result()
    return report(outcome, at - start, replaced)


def _clients(photo: Photo, seconds: float) -> tuple[float, Outcome]:
    """The outcome, and when by the clock that all processes share its measurement started."""
    marks: list[float] = []

    def mark() -> float:
        marks.append(time.monotonic())
        return 0.0

    plan = Plan(CONCURRENCY, seconds, check=photo.check, every=1, meter=mark)
    outcome = driven(photo.url, [request_bytes(photo.url, photo.body, photo.headers)], plan)
    return marks[0], outcome


def pids(server: Server, name: str) -> list[int]:
    """The processes of a server whose command line, or an open log file, has ``name``.

    A replica is known by its log: on a busy machine Ray calls its process "IDLE" long after it began to work.
    """
    return [int(folder.name) for folder in server.processes() if _has(folder, name)]


def _has(folder: Path, name: str) -> bool:
    try:
        if name in (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode():
            return True
        return any(name in str(link.readlink()) for link in (folder / "fd").iterdir())
    except OSError:  # it has just ended
        return False


def replica(deployment: str) -> str:
    """What the log files of a deployment's replicas are called, and nobody else's."""
    return f"replica_image-api_{deployment}_"


def killed(server: Server, name: str) -> float:
    """The seconds until another process called ``name`` has taken the place of the one that is killed here.

    It ends as when the memory runs out: at once, with no chance to say goodbye.
    """
    before = pids(server, name)
    os.kill(before[0], signal.SIGKILL)
    return wait_until(lambda: len(set(pids(server, name)) - {before[0]}) == len(before))


def wait_until(condition: Callable[[], bool], most: float = _PATIENCE) -> float:
    """The seconds until a condition holds; raises ``TimeoutError`` after ``most``."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > most:
            raise TimeoutError(f"nothing happened in {most:.0f} s")
        time.sleep(_LOOK)
    return time.monotonic() - start


def address(server: Server) -> str:
    """Where drivers of the server's Ray cluster connect to."""
    for folder in server.processes():
        if found := re.search(rb"--gcs-address=([^\0]+)", (folder / "cmdline").read_bytes()):
            return found[1].decode()
    raise LookupError("no process of the server tells the address of its cluster")
