"""Calls that travel together: each gets its own outcome, and only its own, whatever becomes of the others."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.exceptions import ActorUnavailableError
from ray.serve.exceptions import BackPressureError

from serving.cluster.coalescing import Answered, Asked, Call, Calls

GONE = ActorUnavailableError("gone", None)
DEADLY = "deadly"  # a replica that is asked this dies


class Replicas:
    """Answers each call with its method and arguments, takes some turns of the loop, and remembers what came."""

    def __init__(self, at_once: int | None = 1, deaths: Sequence[BaseException] = (), turns: int = 2) -> None:
        self.at_once, self.turns = at_once, turns
        self.deaths = list(deaths)  # what becomes of the next calls
        self.came: list[list[Asked]] = []
        self.under_way = self.most_under_way = self.given_up = 0

    async def together(self, asked: list[Asked]) -> Answered:
        self.came.append(asked)
        self.under_way += 1
        self.most_under_way = max(self.under_way, self.most_under_way)
        try:
            for _ in range(self.turns):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        finally:
            self.under_way -= 1
        if self.deaths:
            raise self.deaths.pop(0)
        if any(each.method == DEADLY for each in asked):
            raise GONE
        return Answered([self._outcome(each) for each in asked], self.at_once)

    @staticmethod
    def _outcome(each: Asked) -> Any:
        return ValueError(*each.arguments) if each.method == "fail" else (each.method, *each.arguments)

    @property
    def sizes(self) -> list[int]:
        return [len(asked) for asked in self.came]


def calls(replicas: Replicas, most: int = 100) -> Calls:
    return Calls(replicas.together, most)


async def known(replicas: Replicas, most: int = 100) -> Calls:
    """Calls that know how many there may be at once."""
    made = calls(replicas, most)
    await made.ask("first")
    replicas.came.clear()
    replicas.most_under_way = 0
    return made


class Wanted(NamedTuple):
    method: str
    weight: float
    pause: int  # turns of the event loop before it asks
    gives_up: int | None  # turns of the event loop until its caller leaves


WANTED = st.builds(
    Wanted,
    st.sampled_from(["estimate", "detect", "fail", DEADLY]),
    st.sampled_from([0.125, 0.25, 1.0]),
    st.integers(0, 6),
    st.none() | st.integers(0, 6),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(WANTED, max_size=16), st.none() | st.integers(1, 3), st.integers(0, 3))
def test_everyone_gets_their_own_outcome(wanted: list[Wanted], at_once: int | None, turns: int) -> None:
    async def one(made: Calls, number: int, each: Wanted) -> Any:
        for _ in range(each.pause):
            await asyncio.sleep(0)
        asking = asyncio.create_task(made.ask(each.method, number, weight=each.weight))
        if each.gives_up is not None:
            for _ in range(each.gives_up):
                await asyncio.sleep(0)
            asking.cancel()
        return (await asyncio.gather(asking, return_exceptions=True))[0]

    async def all_of_them() -> tuple[Replicas, list[Any]]:
        replicas = Replicas(at_once, turns=turns)
        made = await known(replicas)
        async with asyncio.timeout(5):
            return replicas, await asyncio.gather(*(one(made, number, each) for number, each in enumerate(wanted)))

    replicas, outcomes = asyncio.run(all_of_them())
    for number, (each, outcome) in enumerate(zip(wanted, outcomes, strict=True)):
        check_outcome(number, each, outcome)
    if at_once is None:
        assert set(replicas.sizes) <= {1}
    elif not any(each.method == DEADLY for each in wanted):  # those that are tried again go beside the others
        assert replicas.most_under_way <= at_once


def check_outcome(number: int, each: Wanted, outcome: Any) -> None:
    """Gave up, met what it asked for, or got its own answer."""
    if isinstance(outcome, asyncio.CancelledError):
        assert each.gives_up is not None
    elif each.method == DEADLY:
        assert isinstance(outcome, ActorUnavailableError)
    elif each.method == "fail":
        assert isinstance(outcome, ValueError)
        assert outcome.args == (number,)
    else:
        assert outcome == (each.method, number)


async def test_what_comes_meanwhile_goes_with_the_next_as_far_as_it_fits() -> None:
    replicas = Replicas(turns=5)
    made = await known(replicas)
    await asyncio.gather(*(made.ask("estimate", number, weight=0.25) for number in range(4)))
    assert replicas.sizes == [4]  # who asks in the same turn goes together at once
    replicas.came.clear()
    first = asyncio.create_task(made.ask("estimate", 0, weight=0.25))
    await asyncio.sleep(0.0)
    await asyncio.sleep(0.0)
    await asyncio.gather(first, *(made.ask("estimate", number, weight=0.25) for number in range(6)))
    assert replicas.sizes == [1, 4, 2]


async def test_until_it_is_known_how_many_there_may_be_all_go_at_once_and_alone() -> None:
    replicas = Replicas(at_once=2)
    await asyncio.gather(*(calls(replicas).ask("estimate", weight=0.1) for _ in range(5)))
    assert replicas.sizes == [1] * 5
    assert replicas.most_under_way == 5


@pytest.mark.parametrize("failure", [GONE, asyncio.CancelledError()])
async def test_what_a_dying_replica_left_is_asked_again_alone_with_less_time(failure: BaseException) -> None:
    replicas = Replicas()
    made = await known(replicas)
    replicas.deaths = [failure]
    found = await asyncio.gather(*(made.ask("m", number, call=Call(5.0), weight=0.5) for number in range(2)))
    assert found == [("m", 0), ("m", 1)]
    assert replicas.sizes == [2, 1, 1]
    left = [asked[0].call.seconds or 0.0 for asked in replicas.came]
    assert 5 > left[0] > left[1] > 0


@pytest.mark.parametrize("failure", [GONE, asyncio.CancelledError()])
async def test_a_second_failure_is_the_answer(failure: BaseException) -> None:
    with pytest.raises(ActorUnavailableError):
        await calls(Replicas(deaths=[failure, failure])).ask("estimate")


async def test_what_replicas_die_of_takes_nobody_along() -> None:
    made = await known(Replicas())
    outcomes = await asyncio.gather(
        *(made.ask(method, weight=0.25) for method in ("a", DEADLY, "b")), return_exceptions=True
    )
    assert outcomes == [("a",), GONE, ("b",)]


async def test_when_all_have_left_the_replica_may_stop() -> None:
    replicas = Replicas(turns=10)
    made = await known(replicas)
    asking = [asyncio.create_task(made.ask("estimate", weight=0.5)) for _ in range(2)]
    await asyncio.sleep(0.0)
    await asyncio.sleep(0.0)
    asking[0].cancel()
    await asyncio.gather(asking[0], return_exceptions=True)
    assert replicas.given_up == 0
    asking[1].cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    await asyncio.sleep(0.01)
    assert replicas.given_up == 1
    assert await made.ask("estimate") == ("estimate",)


async def test_what_has_expired_is_not_sent() -> None:
    replicas = Replicas()
    made = await known(replicas)
    first = asyncio.create_task(made.ask("first"))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await made.ask("late", call=Call(0.0))
    await first
    assert [asked.method for together in replicas.came for asked in together] == ["first"]


async def test_more_than_may_wait_are_refused() -> None:
    replicas = Replicas()
    made = await known(replicas, most=2)
    asking = [asyncio.create_task(made.ask("estimate")) for _ in range(3)]
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert [isinstance(outcome, BackPressureError) for outcome in outcomes] == [False, False, True]


async def test_who_leaves_frees_a_place() -> None:
    replicas = Replicas(turns=20)
    made = await known(replicas, most=2)
    first = asyncio.create_task(made.ask("first"))
    await asyncio.sleep(0.0)
    await asyncio.sleep(0.0)
    leaving = [asyncio.create_task(made.ask("estimate")) for _ in range(2)]
    await asyncio.sleep(0.0)
    for each in leaving:
        each.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    assert await made.ask("last") == ("last",)
    assert await first == ("first",)
    assert replicas.sizes == [1, 1]


async def test_after_a_death_nobody_waits_for_others() -> None:
    replicas, slow = Replicas(), asyncio.Event()

    async def together(asked: list[Asked]) -> Answered:
        answered = await replicas.together(asked)
        if [each.method for each in asked] == ["slow"]:
            await slow.wait()
        return answered

    made = Calls(together, 100)
    await made.ask("first")
    replicas.deaths = [GONE]
    late, quick = (asyncio.create_task(made.ask(method, weight=0.5)) for method in ("slow", "quick"))
    async with asyncio.timeout(5):
        assert await quick == ("quick",)
        assert not late.done()
        slow.set()
        assert await late == ("slow",)


async def test_the_youngest_replica_tells_how_many_calls_there_may_be() -> None:
    answers = [Answered([None], 1, 10.0), Answered([None], 4, 20.0), Answered([None], 1, 10.0)]

    async def send(_: list[Asked]) -> Answered:
        return answers.pop(0)

    made = Calls(send, 1)
    told = []
    while answers:
        await made.ask("estimate")
        told.append(made.at_once)
    assert told == [1, 4, 4]


async def test_too_few_outcomes_fail_all_rather_than_mix_them_up() -> None:
    async def short(_: list[Asked]) -> Answered:
        return Answered([], 1)

    with pytest.raises(RuntimeError, match="0 answers to 1 calls"):
        await Calls(short, 1).ask("estimate")
