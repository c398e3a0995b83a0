"""The bound on what requests hold at the same time."""

import asyncio

from serving.engine.budget import Budget


async def test_no_more_is_held_than_there_is() -> None:
    budget, held, most = Budget(10), 0, 0

    async def work(units: int) -> None:
        nonlocal held, most
        async with budget.held(units):
            held += units
            most = max(most, held)
            await asyncio.sleep(0.001)
            held -= units

    await asyncio.gather(*(work(units) for units in (3, 4, 5, 6, 1, 9, 2) * 5))
    assert held == 0
    assert 5 < most <= 10


async def test_who_wants_more_than_there_is_gets_it_alone() -> None:
    budget = Budget(10)
    async with asyncio.timeout(1), budget.held(99):
        pass


async def test_who_gives_up_waiting_takes_nothing() -> None:
    budget = Budget(10)
    async with budget.held(10):
        waiting = asyncio.create_task(_hold(budget))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(1), budget.held(10):
        pass


async def _hold(budget: Budget) -> None:
    async with budget.held(5):
        pass
