"""Requests that share a run of a model: each gets its own answer, and only its own."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.engine.batching import Batcher, Batching

MOST = 8


class Item(NamedTuple):
    """One object of one request; a model cannot look at a ``bad`` one."""

    request: int
    place: int
    bad: bool = False


class Model:
    """Answers each item with itself, takes a moment, and remembers its runs."""

    def __init__(self) -> None:
        self.runs: list[tuple[Any, list[Item]]] = []
        self.go = asyncio.Event()
        self.go.set()
        self.at_once = 0

    async def run(self, items: Sequence[Item], kind: Any) -> list[tuple[Any, Item]]:
        self.at_once += 1
        assert self.at_once == 1
        self.runs.append((kind, list(items)))
        await asyncio.sleep(0)
        await self.go.wait()
        self.at_once -= 1
        if any(item.bad for item in items):
            raise ValueError("bad item")
        return [(kind, item) for item in items]


def batcher(model: Model, longest_wait: float = 0.0) -> Batcher[Item, tuple[Any, Item]]:
    return Batcher(model.run, Batching(MOST, longest_wait))


def items(request: int, count: int, bad: bool = False) -> list[Item]:
    return [Item(request, place, bad and place == count // 2) for place in range(count)]


class Asked(NamedTuple):
    size: int
    kind: int
    bad: bool
    pause: int  # turns of the event loop before it asks
    gives_up: bool


def check_answer(number: int, one: Asked, answer: Any) -> None:
    """Gave up, was refused for its own bad item, or got its own items."""
    if isinstance(answer, asyncio.CancelledError):
        assert one.gives_up
    elif one.bad and one.size:
        assert isinstance(answer, ValueError)
    else:
        assert answer == [(one.kind, item) for item in items(number, one.size)]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.builds(Asked, st.integers(0, 12), st.integers(0, 1), st.booleans(), st.integers(0, 5), st.booleans()))
)
def test_everyone_gets_their_own_answers(asked: list[Asked]) -> None:
    async def ask(batch: Batcher[Item, tuple[Any, Item]], number: int, one: Asked) -> list[tuple[Any, Item]]:
        for _ in range(one.pause):
            await asyncio.sleep(0)
        return await batch.ask(items(number, one.size, one.bad), one.kind)

    async def main() -> None:
        model = Model()
        batch = batcher(model)
        tasks = [asyncio.create_task(ask(batch, number, one)) for number, one in enumerate(asked)]
        for _ in range(3):
            await asyncio.sleep(0)
        for task, one in zip(tasks, asked, strict=True):
            if one.gives_up:
                task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        for number, (one, answer) in enumerate(zip(asked, answers, strict=True)):
            check_answer(number, one, answer)
        for kind, run in model.runs:
            requests = {item.request for item in run}
            assert all(asked[request].kind == kind for request in requests)
            assert len(run) <= MOST or len(requests) == 1
        assert batch.waiting == 0

    asyncio.run(main())


async def test_a_request_that_comes_alone_does_not_wait() -> None:
    model = Model()
    batch = batcher(model, longest_wait=60)
    async with asyncio.timeout(5):
        for number in range(3):
            await batch.ask(items(number, 1))
    assert [len(run) for _, run in model.runs] == [1, 1, 1]
    assert batch.wait == 0


async def test_requests_that_come_while_the_model_runs_are_answered_together() -> None:
    model = Model()
    batch = batcher(model)
    model.go.clear()
    tasks = [asyncio.create_task(batch.ask(items(number, 2))) for number in range(6)]
    await asyncio.sleep(0.01)
    assert batch.waiting == 2  # the first run took what fits
    model.go.set()
    await asyncio.gather(*tasks)
    assert [len(run) for _, run in model.runs] == [8, 4]


async def test_the_wait_follows_the_load() -> None:
    model = Model()
    batch = batcher(model, longest_wait=0.08)
    await asyncio.gather(*(batch.ask(items(number, 1)) for number in range(4)))
    assert batch.wait == pytest.approx(0.01)
    await asyncio.gather(*(batch.ask(items(number, 1)) for number in range(4)))
    assert batch.wait == pytest.approx(0.02)
    for number in range(3):
        await batch.ask(items(number, 1))
    assert batch.wait == 0


async def test_a_full_run_does_not_wait_for_more() -> None:
    model = Model()
    batch = batcher(model, longest_wait=60)
    batch.wait = 60.0
    async with asyncio.timeout(5):
        await asyncio.gather(*(batch.ask(items(number, 4)) for number in range(2)))
    assert [len(run) for _, run in model.runs] == [8]


async def test_what_has_expired_is_not_run() -> None:
    model = Model()
    batch = batcher(model)
    model.go.clear()
    first = asyncio.create_task(batch.ask(items(0, 1)))
    await asyncio.sleep(0)
    late = asyncio.create_task(batch.ask(items(1, 1), None, 0.0))
    await asyncio.sleep(0.01)
    model.go.set()
    await first
    with pytest.raises(TimeoutError):
        await late
    assert [item.request for _, run in model.runs for item in run] == [0]


async def test_a_model_that_answers_too_little_fails_all_rather_than_mix_them_up() -> None:
    async def short(asked: Sequence[Item], _: Any) -> list[Item]:
        return list(asked)[1:]

    batch = Batcher[Item, Item](short, Batching(MOST))
    answers = await asyncio.gather(*(batch.ask(items(number, 2)) for number in range(2)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [RuntimeError, RuntimeError]
