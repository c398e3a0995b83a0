"""Requests that wait for the same model are answered in one run of it.

Nothing waits where nothing else does: a request that finds the model idle is served at once. While the model runs,
others gather, and the next run takes them together, up to a bound. Where a run can take more than arrive in the
meantime, as on a GPU, it may pay to wait a little for more; how long follows the load, and is nothing without it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from serving.telemetry.meter import Meter

Item = TypeVar("Item")
Result = TypeVar("Result")

_STEPS = 8  # the first wait is this part of the longest one, and a wait below it is none


class Batching(NamedTuple):
    """How requests are gathered."""

    most: int = 32  # items in one run; a request with more of its own still goes in one
    longest_wait: float = 0.0  # seconds to wait for more at the most


@dataclass(slots=True, eq=False)
class _Job(Generic[Item, Result]):
    items: Sequence[Item]
    kind: Hashable
    since: float  # by the monotonic clock
    expires: float  # by the same
    caller: str | None  # the span of who asked
    answer: "asyncio.Future[list[Result]]"


@dataclass(slots=True)
class Batcher(Generic[Item, Result]):
    """Calls ``run`` with the items of one or of several requests, all of one kind; one run at a time.

    ``run`` takes the items and the kind, and gives one result an item, in order. Where a run of several requests fails,
    each is tried again by itself, so that none fails for another. A request that was cancelled or has expired before
    its turn is left out; what expired raises ``TimeoutError``.
    """

    run: Callable[[Sequence[Item], Any], Awaitable[Sequence[Result]]]
    batching: Batching
    meter: Meter | None = None  # told what waits and what ran
    wait: float = 0.0  # seconds, as the load has it now
    _jobs: "deque[_Job[Item, Result]]" = field(default_factory=deque)
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _worker: "asyncio.Task[None] | None" = None

    @property
    def waiting(self) -> int:
        """The requests whose turn has not come."""
        return len(self._jobs)

    async def ask(
        self, items: Sequence[Item], kind: Hashable = None, seconds: float | None = None, caller: str | None = None
    ) -> list[Result]:
        """The results of ``items``; raises ``TimeoutError`` where the turn does not come within ``seconds``."""
        now = time.monotonic()
        expires = float("inf") if seconds is None else now + seconds
        job = _Job[Item, Result](items, kind, now, expires, caller, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        self._tell_queued()
        self._more.set()
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await job.answer

    async def _work(self) -> None:
        try:
            while self._jobs:
                await self._gather()
                if batch := self._next():
                    await self._serve(batch)
                    self._adapt(len(batch))
        finally:
            self._worker = None
            for job in self._jobs:  # only where the worker itself was cancelled, as at the end of the process
                job.answer.cancel()
            self._jobs.clear()

    async def _gather(self) -> None:
        """Waits for more, as long as the load makes it worth while."""
        await asyncio.sleep(0)  # what came in while the models ran
        until = time.monotonic() + self.wait
        while (left := until - time.monotonic()) > 0 and sum(len(job.items) for job in self._jobs) < self.batching.most:
            self._more.clear()
            try:
                async with asyncio.timeout(left):
                    await self._more.wait()
            except TimeoutError:
                return

    def _next(self) -> "list[_Job[Item, Result]]":
        """The jobs of the next run: those at the front that are of one kind and fit, at least one."""
        batch: list[_Job[Item, Result]] = []
        room, now = self.batching.most, time.monotonic()
        while self._jobs:
            job = self._jobs[0]
            if job.answer.done():  # cancelled
                self._jobs.popleft()
                continue
            if job.expires <= now:
                job.answer.set_exception(TimeoutError())
                self._jobs.popleft()
                continue
            if batch and (job.kind != batch[0].kind or len(job.items) > room):
                break
            batch.append(self._jobs.popleft())
            room -= len(job.items)
        self._tell_queued()
        return batch

    def _tell_queued(self) -> None:
        if self.meter is not None:
            self.meter.queued(self.waiting)

    async def _measured(self, batch: "list[_Job[Item, Result]]", items: Sequence[Item]) -> Sequence[Result]:
        """What a run gives; the meter is told of it, whether it fails or not."""
        start = time.monotonic()
        try:
            return await self.run(items, batch[0].kind)
        finally:
            if self.meter is not None:
                waits, callers = [start - job.since for job in batch], [job.caller for job in batch]
                self.meter.ran(len(items), time.monotonic() - start, waits, callers)

    async def _serve(self, batch: "list[_Job[Item, Result]]") -> None:
        items = [item for job in batch for item in job.items]
        try:
            results = _counted(await self._measured(batch, items), len(items))
        except Exception as error:  # noqa: BLE001 - whatever a run raises is the answer to who asked for it
            if len(batch) == 1:
                _settle(batch[0], error)
            else:
                for job in batch:
                    if not job.answer.done():
                        await self._serve([job])
            return
        except BaseException:
            for job in batch:
                job.answer.cancel()
            raise
        start = 0
        for job in batch:
            _settle(job, results[start : start + len(job.items)])
            start += len(job.items)

    def _adapt(self, requests: int) -> None:
        """Waits longer where several requests come together, and not at all where each comes alone."""
        longest = self.batching.longest_wait
        self.wait = min(max(self.wait * 2, longest / _STEPS), longest) if requests > 1 else self.wait / 2
        if self.wait < longest / _STEPS:
            self.wait = 0.0


def _counted(results: Sequence[Result], count: int) -> list[Result]:
    """The results; raises ``RuntimeError`` where there are more or fewer, as nobody could tell then whose they are."""
    if len(results) != count:
        raise RuntimeError(f"{len(results)} results for {count} items")
    return list(results)


def _settle(job: "_Job[Any, Result]", outcome: list[Result] | Exception) -> None:
    if job.answer.done():  # cancelled while the model ran
        return
    if isinstance(outcome, Exception):
        job.answer.set_exception(outcome)
    else:
        job.answer.set_result(outcome)
