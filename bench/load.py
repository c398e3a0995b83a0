"""The load of a benchmark: so many connections, each of which sends its next request once the last one is answered.

The driver shares the machine with what it measures, so it does as little as it can: one process, requests that are
built beforehand, connections that stay open, and of an answer only its status and its length are looked at, but for a
sample that is checked. It costs about a tenth of a millisecond a request.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.response import Malformed, Parser
from bench.statistics import percentile

OK = "ok"
_PAUSE = 0.05  # seconds before a connection that broke is tried again: a dead server must not be asked without rest
_LOOK = 0.25  # seconds between two looks for requests that wait for too long

Check = Callable[[bytes], bool]  # whether the body of an answer is right


class Answer(NamedTuple):
    """How one request ended: when, in seconds from the start of the measurement, after how many seconds, and how.

    ``kind`` is "ok", "status 503" or the like, "refused" (no connection), "reset", "closed" (in an answer, or before
    one), "timeout", "malformed", or "wrong" where an answer that was checked says something else than it should.
    """

    at: float
    latency: float
    kind: str


@dataclass(frozen=True)
class Outcome:
    """What came of a measurement that took ``seconds``, of all requests that ended in it."""

    seconds: float
    answers: Sequence[Answer]
    driver: float  # CPU seconds of this process
    server: float = 0.0  # what the meter counted, see ``drive``

    @property
    def latencies(self) -> list[float]:
        """Seconds of each request that was answered well, ascending."""
        return sorted(answer.latency for answer in self.answers if answer.kind == OK)

    @property
    def failures(self) -> Mapping[str, int]:
        """How many requests failed, by kind."""
        return Counter(answer.kind for answer in self.answers if answer.kind != OK)

    @property
    def ok(self) -> int:
        return sum(answer.kind == OK for answer in self.answers)

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.ok / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """The latency in seconds that ``share`` (0..1) of the good answers stay within; not a number without any."""
        return percentile(self.latencies, share)


def request_bytes(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A whole POST request as it goes over the wire."""
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"POST {path or '/'} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


@dataclass(frozen=True)
class Plan:
    """How a server is driven.

    For ``warm`` seconds nothing counts; the measurement then lasts from the first answer after them until the first
    answer after ``seconds`` more, under unbroken load, so that no request is cut in two. Requests that wait for more
    than ``timeout`` seconds are given up. ``check`` looks at every answer whose number ``every`` divides.
    """

    concurrency: int
    seconds: float
    warm: float = 0.0
    timeout: float = 60.0
    check: Check | None = None
    every: int = 50
    most: int | None = None  # ends the measurement after so many answers, whatever the time
    meter: Callable[[], float] = lambda: 0.0  # anything that grows, read as the measurement starts and as it ends


def drive(url: str, body: bytes, headers: Mapping[str, str], concurrency: int, seconds: float) -> Outcome:
    """The outcome of posting the same body again and again on so many connections at once."""
    return driven(url, [request_bytes(url, body, headers)], Plan(concurrency, seconds))


def driven(url: str, requests: Sequence[bytes], plan: Plan) -> Outcome:
    """The outcome of sending whole requests in turn, as ``plan`` says."""
    return asyncio.run(load(url, requests, plan))


async def load(url: str, requests: Sequence[bytes], plan: Plan) -> Outcome:
    """The same in a running event loop."""
    parts = urlsplit(url)
    work = _Load(parts.hostname or "127.0.0.1", parts.port or 80, requests, plan)
    return await work.outcome()


@dataclass
class _Load:
    """A measurement in progress."""

    host: str
    port: int
    requests: Sequence[bytes]
    plan: Plan
    answers: list[Answer] = field(default_factory=list)
    start: float | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        self._next = cycle(self.requests)
        self._numbers = count(1)
        self._meters = [0.0, 0.0]
        self._own = [0.0, 0.0]
        self._opened = time.perf_counter()

    async def outcome(self) -> Outcome:
        connections = [_Connection(self) for _ in range(self.plan.concurrency)]
        async with asyncio.TaskGroup() as group:
            runs = [group.create_task(each.run()) for each in connections]
            watch = group.create_task(self._watch(connections))
            await asyncio.wait(runs)
            watch.cancel()
        if self.start is None or self.end is None:  # no request ended in time
            return Outcome(0.0, [], 0.0)
        spent, own = (second - first for first, second in (self._meters, self._own))
        return Outcome(self.end - self.start, self.answers, own, spent)

    async def _watch(self, connections: Sequence["_Connection"]) -> None:
        """Gives up requests that wait for too long."""
        while True:
            await asyncio.sleep(_LOOK)
            now = time.perf_counter()
            for each in connections:
                each.expire(now)

    def done(self, latency: float, kind: str, body: bytes) -> None:
        """Notes the end of a request."""
        if self.end is not None:  # what was still under way when the measurement ended
            return
        if kind == OK and self.plan.check and next(self._numbers) % self.plan.every == 0 and not self.plan.check(body):
            kind = "wrong"
        now = time.perf_counter()
        if self.start is None:
            if now - self._opened >= self.plan.warm:
                self._mark(now)
            return
        self.answers.append(Answer(now - self.start, latency, kind))
        if now - self.start >= self.plan.seconds or len(self.answers) == self.plan.most:
            self._mark(now)

    def _mark(self, now: float) -> None:
        """Starts the measurement, or ends it."""
        if self.start is None:
            self.start = now
            self._meters[0], self._own[0] = self.plan.meter(), time.process_time()
        else:
            self.end = now
            self._own[1], self._meters[1] = time.process_time(), self.plan.meter()

    def following(self) -> bytes | None:
        """The next request; none once the measurement has ended."""
        return next(self._next) if self.end is None else None


class _Connection(asyncio.Protocol):
    """One connection, opened again whenever it breaks."""

    def __init__(self, work: _Load) -> None:
        self._work = work
        self._transport: asyncio.Transport | None = None
        self._parser = Parser()
        self._sent: float | None = None  # when the request under way was sent
        self._lost: asyncio.Future[None] | None = None
        self._expired = False

    async def run(self) -> None:
        """Sends requests until the measurement has ended."""
        loop = asyncio.get_running_loop()
        while self._work.end is None:
            self._lost = loop.create_future()
            began = time.perf_counter()
            try:
                await loop.create_connection(lambda: self, self._work.host, self._work.port)
                await self._lost
            except OSError:
                self._work.done(time.perf_counter() - began, "refused", b"")
                await asyncio.sleep(_PAUSE)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._expired = transport, False
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        following = self._work.following()
        if following is None:
            self._transport.close()
            return
        self._parser = Parser()
        self._sent = time.perf_counter()
        self._transport.write(following)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if self._sent is None:  # more than was asked for
            self._transport.abort()
            return
        try:
            complete = self._parser.feed(data)
        except Malformed:
            self._ended("malformed")
            self._transport.abort()
            return
        if not complete:
            return
        self._answered()
        if self._parser.closes:
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if self._sent is not None:
            if self._parser.whole_at_end():
                self._answered()
            else:
                self._ended("timeout" if self._expired else "reset" if error else "closed")
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(None)

    def expire(self, now: float) -> None:
        """Gives the request up if it waits for too long."""
        if self._transport is not None and self._sent is not None and now - self._sent > self._work.plan.timeout:
            self._expired = True
            self._transport.abort()

    def _answered(self) -> None:
        status = self._parser.status
        self._ended(OK if status == 200 else f"status {status}", bytes(self._parser.body))

    def _ended(self, kind: str, body: bytes = b"") -> None:
        assert self._sent is not None
        latency = time.perf_counter() - self._sent
        self._sent = None
        self._work.done(latency, kind, body)
