"""Calls of services in other processes, without any."""

import asyncio
from typing import Any, cast

import numpy as np
import pytest
from ray.exceptions import ActorUnavailableError

from estimators.age import AgeEstimator
from estimators.emotion import EmotionEstimator
from estimators.geometry import Photo
from estimators.mask import MaskEstimator
from models import Model
from schemas.attributes import AGE, BOX, Attributes, Box
from serving.engine import view_of
from serving.stages import Call, Remote


class Handle:
    """What a replica does: each outcome in turn, an exception to be raised or an answer."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.calls: list[Call] = []

    @property
    def estimate(self) -> "Handle":
        return self

    async def remote(self, _: Any, call: Call) -> Any:
        self.calls.append(call)
        outcome = self.outcomes.pop(0)
        await asyncio.sleep(0.01)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def remote(handle: Handle) -> Remote:
    return Remote(cast("Any", handle))


GONE = ActorUnavailableError("gone", None)


@pytest.mark.parametrize("failure", [GONE, asyncio.CancelledError()])
async def test_a_replica_that_dies_or_gives_up_is_asked_again(failure: BaseException) -> None:
    answer = [Attributes({AGE: 30.0})]
    handle = Handle(failure, answer)
    assert await remote(handle).estimate([], Call(5.0)) == answer
    first, second = (call.seconds or 0.0 for call in handle.calls)
    assert second < first


@pytest.mark.parametrize("failure", [GONE, asyncio.CancelledError()])
async def test_a_second_failure_is_the_answer(failure: BaseException) -> None:
    with pytest.raises(ActorUnavailableError):
        await remote(Handle(failure, failure)).estimate([], Call(5.0))


async def test_a_request_that_is_cancelled_asks_nobody_again() -> None:
    handle = Handle(["answer"])
    task = asyncio.create_task(remote(handle).estimate([], Call(5.0)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(handle.calls) == 1


def silent(*_: Any) -> Any:
    raise AssertionError("no network runs here")


def test_a_crop_is_kept_only_where_somebody_else_looks_at_it() -> None:
    photo, face = Photo(np.zeros((60, 60, 3), np.uint8)), Attributes({BOX: Box(0.2, 0.2, 0.8, 0.8)})
    ages = AgeEstimator({"age-gender": [Model("any", "faceapi-age-gender", silent)]})
    emotions = EmotionEstimator({"expression": [Model("any", "faceapi-expression", silent)]})
    masks = MaskEstimator({"mask": [Model("any", "facet-mask", silent)]})
    assert view_of(ages, photo, face) is view_of(emotions, photo, face)
    assert view_of(masks, photo, face) is not view_of(masks, photo, face)
