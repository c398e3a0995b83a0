"""Limits, keys, and what is told when something breaks."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError

from graph import PlanError
from models import MissingModel
from schemas import BadDocument, BadEncoding, BadImage, Fault, TooLarge
from schemas.template import BadTemplate, TemplateMismatch
from serving.engine.engine import Engine
from serving.http.application import application
from serving.http.errors import Unauthorised, UnknownService, UnsupportedMedia, problem
from serving.settings import Settings
from tests.contract.scripted import Scripted, client, sample


async def test_limits_are_settings(settings: Settings, stages: dict[str, Scripted]) -> None:
    path = "/face-detector-face-fitter/v2/process/sample"
    for limit in ({"max_image_bytes": 10}, {"max_image_pixels": 63}, {"max_body_bytes": 99}, {"max_objects": 1}):
        async with client(settings, stages, **limit) as http:
            answer = await http.post(path, json=sample(objects=[{}, {}]))
        assert answer.status_code == 413, limit
    for limit in ({"max_samples": 1}, {"max_nodes": 0}):
        async with client(settings, stages, **limit) as http:
            body = {"samples": [sample(), sample()]}
            answer = await http.post("/graph/v2/process/sample?outputs=face", json=body)
        assert answer.status_code == 413, limit


async def test_a_slow_service_is_given_up(settings: Settings) -> None:
    slow = {"face-detector-face-fitter": Scripted(seconds=30)}
    async with client(settings, slow, request_timeout=0.1) as http:
        answer = await http.post("/face-detector-face-fitter/v2/process/sample", json=sample())
    assert answer.status_code == 504


@pytest.mark.parametrize("error", [BackPressureError(num_queued_requests=9, max_queued_requests=9), RayActorError()])
async def test_a_busy_or_dying_service_asks_to_come_again(settings: Settings, error: Exception) -> None:
    async with client(settings, {"face-detector-face-fitter": Scripted(error)}) as http:
        answer = await http.post("/face-detector-face-fitter/v2/process/sample", json=sample())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["server-timing"].startswith("decode;dur=")


async def test_more_requests_than_may_be_are_told_to_come_again(settings: Settings) -> None:
    slow = {"face-detector-face-fitter": Scripted(seconds=0.2)}
    async with client(settings, slow, max_requests=2) as http:
        answers = await asyncio.gather(
            *(http.post("/face-detector-face-fitter/v2/process/sample", json=sample()) for _ in range(5))
        )
        assert sorted(each.status_code for each in answers) == [200, 200, 503, 503, 503]
        assert {each.headers.get("retry-after") for each in answers if each.status_code == 503} == {"1"}
        again = await http.post("/face-detector-face-fitter/v2/process/sample", json=sample())
    assert again.status_code == 200


async def test_images_beyond_the_memory_wait_for_each_other(settings: Settings) -> None:
    detector = Scripted(seconds=0.01)
    async with client(settings, {"face-detector-face-fitter": detector}, max_pixels_in_flight=100) as http:
        answers = await asyncio.gather(
            *(http.post("/face-detector-face-fitter/v2/process/sample", json=sample()) for _ in range(6))
        )
    assert [each.status_code for each in answers] == [200] * 6
    assert detector.most_at_once == 1  # 64 pixels each


async def test_what_nobody_foresaw_is_an_internal_error_without_details(settings: Settings) -> None:
    async with client(settings, {"face-detector-face-fitter": Scripted(RuntimeError("secret"))}) as http:
        answer = await http.post("/face-detector-face-fitter/v2/process/sample", json=sample())
    assert answer.status_code == 500
    assert answer.json() == {"detail": "Internal Server Error"}


async def test_keys_are_required_where_they_are_set(settings: Settings, stages: dict[str, Scripted]) -> None:
    keys = (SecretStr("key-number-one"), SecretStr("key-number-two"))
    path = "/face-detector-face-fitter/v2/process/sample"
    async with client(settings, stages, api_keys=keys) as http:
        assert (await http.post(path, json=sample())).status_code == 401
        assert (await http.get("/health")).status_code == 200
        for headers in (
            {"Authorization": "Bearer key-number-two"},
            {"TOKEN": "key-number-one"},
            {"X-API-Key": "key-number-one"},
        ):
            assert (await http.post(path, json=sample(), headers=headers)).status_code == 200
        for headers in ({"Authorization": "Bearer"}, {"TOKEN": "key-number-on"}, {"X-API-Key": ""}):
            assert (await http.post(path, json=sample(), headers=headers)).status_code == 401


async def test_browsers_of_other_origins_may_call_where_it_is_set(
    settings: Settings, stages: dict[str, Scripted]
) -> None:
    ask = {"Origin": "http://app.example", "Access-Control-Request-Method": "POST"}
    keys = (SecretStr("a-long-key"),)
    async with client(settings, stages, cors_origins=("http://app.example",), api_keys=keys) as http:
        allowed = await http.options("/gender-estimator/v2/process/sample", headers=ask)
    assert allowed.headers["access-control-allow-origin"] == "http://app.example"
    async with client(settings, stages) as http:
        refused = await http.options("/gender-estimator/v2/process/sample", headers=ask)
    assert "access-control-allow-origin" not in refused.headers


async def test_a_busy_service_is_ready(
    settings: Settings, stages: dict[str, Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.http.health._PATIENCE", 0.05)
    async with client(settings, stages) as http:
        assert (await http.get("/ready/")).status_code == 200
        stages["gender-estimator"].seconds = 0.2
        assert (await http.get("/ready")).status_code == 200
        assert set((await http.get("/version")).json()) == {"product", "version", "models"}
    async with client(settings, stages) as http:  # which never heard of it
        assert (await http.get("/ready")).status_code == 503


async def test_readiness_names_what_is_missing(settings: Settings, stages: dict[str, Scripted]) -> None:
    async with client(settings, stages) as http:
        assert (await http.get("/ready")).status_code == 200
        stages["gender-estimator"].error = MissingModel("the model x is not installed")
        answer = await http.get("/ready")
        assert answer.status_code == 503
        assert answer.json()["services"]["gender-estimator"]["detail"] == "the model x is not installed"
        assert (await http.get("/ready?services=verify-matcher")).status_code == 200
        assert (await http.get("/ready?services=horoscope")).status_code == 404


def test_every_error_of_ours_has_a_status() -> None:
    ours: list[Exception] = [
        Fault("x"), BadDocument("x"), BadEncoding("x"), BadImage("x"), TooLarge("x"), BadTemplate("x"),
        TemplateMismatch("x"), PlanError("x"), MissingModel("x"), Unauthorised("x"), UnknownService("x"),
        UnsupportedMedia("x"), TimeoutError(),
    ]  # fmt: skip
    assert all(problem(error).status != 500 for error in ours)


async def test_a_client_may_ask_for_less_time_but_not_for_more(settings: Settings, stages: dict[str, Scripted]) -> None:
    path = "/face-detector-face-fitter/v2/process/sample"
    detector = stages["face-detector-face-fitter"]
    async with client(settings, stages, request_timeout=0.5) as http:
        for asked, least, most in (("0.25", 0.0, 0.25), ("60", 0.25, 0.5)):
            answer = await http.post(path, json=sample(), headers={"X-Request-Timeout": asked})
            assert answer.status_code == 200
            seconds = detector.calls[-1].seconds
            assert seconds is not None
            assert least < seconds <= most
        detector.seconds = 1.0
        answer = await http.post(path, json=sample(), headers={"X-Request-Timeout": "0.05"})
        assert answer.status_code == 504
        for wrong in ("soon", "-1", "nan"):
            answer = await http.post(path, json=sample(), headers={"X-Request-Timeout": wrong})
            assert answer.status_code == 422
            assert answer.json()["detail"][0]["loc"] == ["header", "X-Request-Timeout"]


async def test_a_client_that_sends_slowly_is_told_and_keeps_nobody_out(
    settings: Settings, stages: dict[str, Scripted]
) -> None:
    stopped = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await stopped.wait()

    path = "/face-detector-face-fitter/v2/process/sample"
    async with client(settings, stages, max_requests=1, body_timeout=0.2) as http:
        slow = asyncio.create_task(http.post(path, content=slowly()))
        await asyncio.sleep(0.05)
        assert (await http.post(path, json=sample())).status_code == 200
        answer = await slow
    assert answer.status_code == 408
    assert answer.json() == {"detail": "The request took too long to arrive"}


async def test_bodies_beyond_the_memory_for_them_are_told_to_come_again(
    settings: Settings, stages: dict[str, Scripted]
) -> None:
    path = "/face-detector-face-fitter/v2/process/sample"
    async with client(settings, stages, max_bytes_in_flight=100) as http:
        answer = await http.post(path, json=sample())
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"


async def test_a_service_named_many_times_is_asked_once(settings: Settings, stages: dict[str, Scripted]) -> None:
    async with client(settings, stages) as http:
        answer = await http.get("/ready?services=" + ",".join(["gender-estimator"] * 1000))
    assert answer.status_code == 200
    assert list(answer.json()["services"]) == ["gender-estimator"]
    assert stages["gender-estimator"].most_at_once == 1


async def test_a_client_that_leaves_while_it_sends_is_no_error_of_ours(
    settings: Settings, stages: dict[str, Scripted], caplog: pytest.LogCaptureFixture
) -> None:
    engine = Engine(settings, dict(stages))
    sent: list[Any] = []
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/gender-estimator/v2/process/sample",
        "query_string": b"",
        "headers": [],
    }
    await application(engine)(scope, receive, send)
    assert sent[0]["status"] == 499
    assert caplog.text == ""
