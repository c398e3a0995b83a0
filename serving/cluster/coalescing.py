"""Calls of a service in other processes, of which those that wait for each other travel together.

A call between processes costs 4 to 6 ms of CPU time on its two sides, whatever it carries: with every service remote,
more than half of what a photo costs. A gateway therefore has no more calls of a service under way than the service has
replicas; what comes meanwhile goes with the next one. What is called stays apart on the other side: each has its own
answer, error and deadline there, and none fails for another.

Of a service that scales with its load all calls go at once and alone: Serve counts them to tell how many replicas it
needs.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from ray.exceptions import ActorUnavailableError, RayActorError
from ray.serve.exceptions import BackPressureError

T = TypeVar("T")


class Call(NamedTuple):
    """What belongs to a call besides its arguments."""

    seconds: float | None = None  # until nobody waits for the answer any more; None where that is not known
    traceparent: str | None = None  # the caller's span, where there is one


ANYTIME = Call()


class Asked(NamedTuple):
    """One of the calls that travel together: ``method`` takes ``arguments`` and ``call``."""

    method: str
    arguments: tuple[Any, ...]
    call: Call


class Answered(NamedTuple):
    """What calls that travelled together gave."""

    outcomes: Sequence[Any]  # of each its result, or the exception that it raised
    at_once: int | None  # as many calls each caller should have under way; None for any number, and each alone
    since: float = 0.0  # when the replica started: a change of their number is told to younger ones alone


@dataclass(slots=True, eq=False)
class _Job:
    asked: Asked
    weight: float
    expires: float  # by the monotonic clock
    answer: "asyncio.Future[Any]"

    def now(self) -> Asked:
        """The call as it leaves now, with less time than it had."""
        seconds = None if self.expires == float("inf") else self.expires - time.monotonic()
        return self.asked._replace(call=self.asked.call._replace(seconds=seconds))

    def settle(self, outcome: Any) -> None:
        if self.answer.done():  # cancelled meanwhile
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class Calls:
    """The calls of one service from this process.

    ``send`` takes them to a replica. Where it raises ``RayActorError``, since the replica died, each is tried once more
    by itself: services are pure, and one of them may be what replicas die of. At most ``most`` may wait.
    """

    def __init__(self, send: Callable[[list[Asked]], Awaitable[Answered]], most: int) -> None:
        self._send, self._most = send, most
        self._waiting: deque[_Job] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self.at_once: int | None = None  # until an answer tells
        self._since = 0.0  # when the replica started that told it

    async def ask(self, method: str, *arguments: Any, call: Call = ANYTIME, weight: float = 1.0) -> Any:
        """What ``method`` of the service returns or raises.

        Those of which the weights amount to 1 at the most may travel together. Raises ``TimeoutError`` where its turn
        does not come in time, ``BackPressureError`` where too many wait, ``RayActorError`` where no replica lived.
        """
        if len(self._waiting) >= self._most:
            raise BackPressureError(num_queued_requests=len(self._waiting), max_queued_requests=self._most)
        loop = asyncio.get_running_loop()
        expires = float("inf") if call.seconds is None else time.monotonic() + call.seconds
        job = _Job(Asked(method, arguments, call), weight, expires, loop.create_future())
        self._waiting.append(job)
        loop.call_soon(self._start)  # after others that are about to ask
        try:
            return await job.answer
        except asyncio.CancelledError:
            with suppress(ValueError):  # it is under way
                self._waiting.remove(job)  # what nobody waits for takes no place, and its image no memory
            raise

    def _start(self) -> None:
        """Sends off what may be sent."""
        while self._waiting and (self.at_once is None or len(self._under_way) < self.at_once):
            if jobs := self._next():
                carrying = asyncio.create_task(self._carry(jobs))
                self._under_way.add(carrying)
                carrying.add_done_callback(self._carried)

    def _carried(self, carrying: "asyncio.Task[None]") -> None:
        self._under_way.discard(carrying)
        self._start()

    def _next(self) -> list[_Job]:
        """Those that travel next; none where all that waited were cancelled or have expired."""
        jobs: list[_Job] = []
        room, now = 1.0, time.monotonic()
        while self._waiting:
            job = self._waiting[0]
            if not job.answer.done() and job.expires > now:
                if jobs and (self.at_once is None or job.weight > room):
                    break
                jobs.append(job)
                room -= job.weight
            self._waiting.popleft()
            if job.expires <= now:
                job.settle(TimeoutError())
        return jobs

    async def _carry(self, jobs: list[_Job]) -> None:
        carrying = asyncio.current_task()
        assert carrying is not None

        def given_up(_: "asyncio.Future[Any]") -> None:
            if all(job.answer.done() for job in jobs):
                carrying.cancel()  # nobody waits any more: the replica need not go on

        for job in jobs:
            job.answer.add_done_callback(given_up)
        try:
            outcomes = await self._outcomes(jobs)
        except RayActorError:
            await asyncio.gather(*(self._again(job) for job in jobs if not job.answer.done()))
        else:
            for job, outcome in zip(jobs, outcomes, strict=True):
                job.settle(outcome)

    async def _again(self, job: _Job) -> None:
        try:
            [outcome] = await self._outcomes([job])
        except RayActorError as error:
            outcome = error
        job.settle(outcome)

    async def _outcomes(self, jobs: Sequence[_Job]) -> Sequence[Any]:
        try:
            answered = await sound(self._send([job.now() for job in jobs]))
        except RayActorError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer to who asked
            return [error] * len(jobs)
        if answered.since >= self._since:
            self.at_once, self._since = answered.at_once, answered.since
        if len(answered.outcomes) != len(jobs):
            return [RuntimeError(f"{len(answered.outcomes)} answers to {len(jobs)} calls")] * len(jobs)
        return answered.outcomes


async def sound(answer: Awaitable[T]) -> T:
    """The answer of a replica, where its work was not cancelled over there, as at its end.

    Such a cancellation comes back as ours, and would end a graph's node without a word.
    """
    try:
        return await answer
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise  # nobody waits for the answer any more
        raise ActorUnavailableError("The replica gave the work up", None) from None
