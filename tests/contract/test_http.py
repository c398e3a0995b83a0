"""The HTTP interface itself: options, errors, limits, keys."""

import asyncio
import base64
import io
from collections.abc import Sequence
from typing import Any

import httpx
import msgpack
import numpy as np
import pytest
from PIL import Image
from pydantic import SecretStr
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError

from estimators import Image as Pixels
from graph import PlanError
from models import MissingModel
from schemas import Attributes, BadDocument, BadEncoding, BadImage, Fault, TooLarge
from schemas.attributes import BOX, CONFIDENCE, KIND, Box, Gender, Verification
from schemas.attributes import GENDER as GENDER_ATTRIBUTE
from schemas.template import BadTemplate, TemplateMismatch
from serving.api import application
from serving.engine import Engine
from serving.errors import Unauthorised, UnknownService, UnsupportedMedia, problem
from serving.settings import Settings
from serving.stages import Stage, Status

FACE = {"id": 5, "class": "face", "bbox": [0.1, 0.1, 0.9, 0.9], "mine": [1]}
GRAPHS = {"all": {"services": ["gender-estimator"], "description": "x"}}


class Scripted:
    """A service that answers what it was told to, or fails as it was told to."""

    def __init__(self, error: Exception | None = None, seconds: float = 0) -> None:
        self.error, self.seconds = error, seconds
        self.thresholds: list[float | None] = []
        self.at_once = self.most_at_once = 0

    async def detect(self, _: Pixels, threshold: float | None) -> list[Attributes]:
        self.thresholds.append(threshold)
        await self._act()
        return [Attributes({KIND: "face", BOX: Box(0.25, 0.25, 0.75, 0.75), CONFIDENCE: 0.5})]

    async def estimate(self, views: Sequence[Any]) -> list[Attributes]:
        await self._act()
        return [Attributes({GENDER_ATTRIBUTE: Gender.FEMALE})] * len(views)

    async def match(self, pairs: Sequence[Any]) -> list[Verification]:
        await self._act()
        return [Verification(1, 0.0, 1.0, 0.9)] * len(pairs)

    async def best(self, first: Sequence[Any], second: Sequence[Any]) -> tuple[int, int, Verification]:
        await self._act()
        return len(first) - 1, len(second) - 1, Verification(1, 0.0, 1.0, 0.9)

    async def status(self) -> Status:
        await self._act()
        return Status(("some-model",), None)

    async def _act(self) -> None:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(self.seconds)
        self.at_once -= 1
        if self.error is not None:
            raise self.error


def client(settings: Settings, stages: dict[str, Scripted], **chosen: Any) -> httpx.AsyncClient:
    named: dict[str, Stage] = {**stages}
    engine = Engine(settings.model_copy(update={"graphs": GRAPHS, "default_graph": "all", **chosen}), named)
    transport = httpx.ASGITransport(application(engine), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://facet")


@pytest.fixture
def stages() -> dict[str, Scripted]:
    return {"face-detector-face-fitter": Scripted(), "gender-estimator": Scripted(), "verify-matcher": Scripted()}


@pytest.fixture
def http(settings: Settings, stages: dict[str, Scripted]) -> httpx.AsyncClient:
    if not settings.store().available("age-gender"):
        pytest.skip("no models are installed")
    return client(settings, stages)


def png(width: int = 8, height: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def sample(**more: Any) -> dict[str, Any]:
    return {"before": 1, "_image": {"blob": base64.b64encode(png()).decode(), "format": "IMAGE", "own": 2}, **more}


async def test_the_document_comes_back_with_what_was_added(http: httpx.AsyncClient) -> None:
    sent = sample(objects=[FACE, {"class": "cat"}], after={"x": None})
    answer = (await http.post("/gender-estimator/v2/process/sample", json=sent)).json()
    assert answer == sent | {"objects": [FACE | {"gender": "female"}, {"class": "cat"}]}
    assert list(answer) == list(sent)


@pytest.mark.parametrize(("query", "headers"), [("?echo=false", {}), ("", {"Prefer": "return=minimal"})])
async def test_the_image_can_be_left_out(http: httpx.AsyncClient, query: str, headers: dict[str, str]) -> None:
    sent = sample(objects=[FACE])
    answer = await http.post(f"/gender-estimator/v2/process/sample{query}", json=sent, headers=headers)
    assert list(answer.json()) == ["before", "objects"]


@pytest.mark.parametrize("objects", [{}, {"objects": None}, {"objects": []}, {"objects": [{}]}])
async def test_detectors_take_documents_without_objects(http: httpx.AsyncClient, objects: Any) -> None:
    answer = (await http.post("/face-detector-face-fitter/v2/process/sample", json=sample(**objects))).json()
    assert [each["id"] for each in answer["objects"]] == [0]


async def test_estimators_need_objects_but_take_none_of_them(http: httpx.AsyncClient) -> None:
    missing = await http.post("/gender-estimator/v2/process/sample", json=sample())
    assert missing.status_code == 422
    assert missing.json()["detail"][0]["loc"] == ["body", "objects"]
    none = await http.post("/gender-estimator/v2/process/sample", json=sample(objects=[]))
    assert none.json()["objects"] == []


@pytest.mark.parametrize("path", ["", "/", "v1/", "v1"])
async def test_paths_without_a_version_are_v1_and_a_slash_at_the_end_is_fine(
    http: httpx.AsyncClient, path: str
) -> None:
    version = f"/{path.strip('/')}" if path.strip("/") else ""
    end = "/" if path.endswith("/") else ""
    sent = {"$image": base64.b64encode(png()).decode(), "objects": [FACE]}
    answer = await http.post(f"/gender-estimator{version}/process/sample{end}", json=sent)
    assert answer.json()["objects"][0]["gender"] == "FEMALE"


async def test_the_answer_has_the_format_that_was_sent_or_is_accepted(http: httpx.AsyncClient) -> None:
    packed = msgpack.packb(sample(objects=[]))
    path, kind = "/gender-estimator/v2/process/sample", {"Content-Type": "application/msgpack"}
    as_sent = await http.post(path, content=packed, headers=kind)
    as_json = await http.post(path, content=packed, headers=kind | {"Accept": "application/json"})
    as_packed = await http.post(path, json=sample(objects=[]), headers={"Accept": "application/msgpack"})
    assert as_sent.headers["content-type"] == as_packed.headers["content-type"] == "application/msgpack"
    assert as_json.json() == sample(objects=[])
    assert msgpack.unpackb(as_packed.content)["_image"]["blob"] == png()


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/msgpack;q=0, application/json", "application/json"),
        ("application/json;q=0.1, application/x-msgpack", "application/msgpack"),
        ("application/json, application/msgpack", "application/json"),
        ("text/html, */*;q=0.8", "application/json"),
        ("application/msgpack;q=x", "application/msgpack"),
    ],
)
async def test_what_the_caller_prefers_is_sent(http: httpx.AsyncClient, accept: str, kind: str) -> None:
    sent = sample(objects=[])
    answer = await http.post("/gender-estimator/v2/process/sample", json=sent, headers={"Accept": accept})
    assert answer.headers["content-type"] == kind


async def test_errors_come_in_the_format_of_the_caller(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/gender-estimator/v2/process/sample", content=b"\xc1", headers={"Content-Type": "application/msgpack"}
    )
    assert answer.status_code == 422
    assert msgpack.unpackb(answer.content)["detail"][0]["type"] == "msgpack_invalid"


async def test_a_threshold_reaches_the_detector(http: httpx.AsyncClient, stages: dict[str, Scripted]) -> None:
    path = "/face-detector-face-fitter/v2/process/sample"
    await http.post(path, json=sample())
    await http.post(f"{path}?min_confidence=0.3", json=sample())
    await http.post("/graph/v2/process/sample?outputs=face&min_confidence=0.2", json=sample())
    assert stages["face-detector-face-fitter"].thresholds == [None, 0.3, 0.2]


@pytest.mark.parametrize(
    "query", ["echo=perhaps", "min_confidence=2", "min_confidence=nan", "min_confidence=x", "on_failure=never"]
)
async def test_an_option_with_a_wrong_value_is_named(http: httpx.AsyncClient, query: str) -> None:
    answer = await http.post(f"/gender-estimator/v2/process/sample?{query}", json=sample(objects=[]))
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", query.partition("=")[0]]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/horoscope/v1/process/sample", 404),
        ("POST", "/gender-estimator/v3/process/sample", 404),
        ("POST", "/gender-estimator/v1/process/image", 404),
        ("POST", "/gender-estimator/v1/process/wish", 404),
        ("GET", "/gender-estimator/v1/process/sample", 405),
        ("POST", "/health", 405),
        ("GET", "/graph/horoscope", 404),
        ("GET", "/nothing", 404),
    ],
)
async def test_what_is_not_there_is_told(http: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    answer = await http.request(method, path)
    assert answer.status_code == status
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("files", "place"),
    [({"photo": png()}, "image"), ({"image": b""}, "image"), ({"image": ("x.png", b"", "image/png")}, "image")],
)
async def test_an_upload_without_its_image_is_told(http: httpx.AsyncClient, files: Any, place: str) -> None:
    answer = await http.post("/face-detector-face-fitter/v1/process/image", files=files)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", place]


async def test_an_upload_without_a_file_name_is_an_image_too(http: httpx.AsyncClient) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\n' + png() + b"\r\n--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await http.post("/face-detector-face-fitter/v1/process/image", content=body, headers=kind)
    assert answer.status_code == 200
    assert base64.b64decode(answer.json()["$image"]) == png()


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/face-detector-face-fitter/v1/process/image", {"Content-Type": "image/png"}),
        ("/face-detector-face-fitter/v1/process/sample", {"Content-Type": "multipart/form-data; boundary=x"}),
    ],
)
async def test_a_body_of_the_wrong_kind_is_told(http: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
    assert (await http.post(path, content=png(), headers=headers)).status_code == 415


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


async def test_a_graph_can_be_named_in_three_ways(http: httpx.AsyncClient) -> None:
    answers = [
        (await http.post(f"/graph/v2/process/sample{query}", json=sample(**body))).json()["objects"]
        for query, body in (
            ("", {}),
            ("?graph=all", {}),
            ("?services=gender-estimator", {}),
            ("?outputs=gender", {}),
            ("", {"graph": "all"}),
            ("", {"graph": {"name": "all"}}),
            ("", {"graph": {"outputs": ["gender"]}}),
            ("", {"graph": {"nodes": [{"service": "gender-estimator", "when": {"min_size": 1}}]}}),
        )
    ]
    assert answers == [answers[0]] * len(answers)
    assert answers[0][0]["gender"] == "female"


@pytest.mark.parametrize(
    ("query", "body", "word"),
    [
        ("?graph=all&outputs=age", {}, "once"),
        ("?outputs=age", {"graph": "all"}, "once"),
        ("?outputs=wings", {}, "wings"),
        ("?services=horoscope", {}, "horoscope"),
        ("", {"graph": {"outputs": []}}, "wanted"),
        ("", {"graph": 7}, "object"),
    ],
)
async def test_a_graph_that_cannot_be_is_explained(
    http: httpx.AsyncClient, query: str, body: dict[str, Any], word: str
) -> None:
    answer = await http.post(f"/graph/v2/process/sample{query}", json=sample(**body))
    assert answer.status_code == 422
    assert word in answer.json()["detail"][0]["msg"]


async def test_a_failure_in_a_graph_fails_it_unless_part_of_it_will_do(
    settings: Settings, stages: dict[str, Scripted]
) -> None:
    stages["gender-estimator"].error = MissingModel("age-gender: the model x is not installed")
    path = "/graph/v2/process/sample?services=gender-estimator"
    async with client(settings, stages) as http:
        whole = await http.post(path, json=sample())
        part = await http.post(f"{path}&on_failure=partial", json=sample())
    assert whole.status_code == 503
    assert part.status_code == 200
    assert part.json()["errors"] == [{"node": "gender-estimator", "detail": "age-gender: the model x is not installed"}]
    assert part.json()["objects"][0]["bbox"] == [0.25, 0.25, 0.75, 0.75]


async def test_what_waited_for_a_failure_is_told_with_it(settings: Settings, stages: dict[str, Scripted]) -> None:
    stages["face-detector-face-fitter"].error = MissingModel("no detector")
    async with client(settings, stages) as http:
        answer = await http.post("/graph/v2/process/sample?outputs=gender&on_failure=partial", json=sample())
    assert answer.json()["errors"] == [
        {"node": "face-detector-face-fitter", "detail": "no detector"},
        {"node": "gender-estimator", "detail": "no detector", "waited_for": "face-detector-face-fitter"},
    ]
    assert answer.json()["objects"] == []


async def test_objects_that_were_sent_are_not_detected_again(
    http: httpx.AsyncClient, stages: dict[str, Scripted]
) -> None:
    answer = await http.post("/graph/v2/process/sample?outputs=gender", json=sample(objects=[{"class": "cat"}, FACE]))
    assert answer.json()["objects"] == [{"class": "cat"}, FACE | {"gender": "female"}]
    assert stages["face-detector-face-fitter"].thresholds == []


async def test_a_condition_counts_for_each_object_that_says_how_sure_it_is(http: httpx.AsyncClient) -> None:
    objects = [FACE | {"confidence": 0.2}, FACE]
    nodes = [{"service": "gender-estimator", "when": {"min_confidence": 0.5}}]
    answer = await http.post("/graph/v2/process/sample", json=sample(objects=objects, graph={"nodes": nodes}))
    assert ["gender" in each for each in answer.json()["objects"]] == [False, True]


async def test_a_comparison_without_templates_says_why(settings: Settings, stages: dict[str, Scripted]) -> None:
    stages["template-extractor"] = Scripted()
    stages["face-detector-face-fitter"].error = MissingModel("no detector")
    body = {"samples": [sample(), sample()]}
    async with client(settings, stages) as http:
        answer = await http.post("/graph/v2/process/sample?services=verify-matcher&on_failure=partial", json=body)
    assert (answer.status_code, answer.json()) == (503, {"detail": "no detector"})


async def test_services_may_be_named_one_by_one(http: httpx.AsyncClient) -> None:
    path = "/graph/v2/process/sample?services=gender-estimator&services=horoscope"
    answer = await http.post(path, json=sample())
    assert "horoscope" in answer.json()["detail"][0]["msg"]


async def test_errors_of_a_run_before_are_not_told_again(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graph/v2/process/sample?outputs=gender", json=sample(errors=[{"node": "x"}]))
    assert "errors" not in answer.json()


async def test_a_huge_number_in_a_graph_is_refused(http: httpx.AsyncClient) -> None:
    nodes = [{"service": "gender-estimator", "when": {"min_size": 10**400}}]
    answer = await http.post("/graph/v2/process/sample", json=sample(graph={"nodes": nodes}))
    assert answer.status_code == 422


async def test_a_busy_service_is_ready(
    settings: Settings, stages: dict[str, Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.health._PATIENCE", 0.05)
    async with client(settings, stages) as http:
        assert (await http.get("/ready/")).status_code == 200
        stages["gender-estimator"].seconds = 0.2
        assert (await http.get("/ready")).status_code == 200
        assert set((await http.get("/version")).json()) == {"product", "version", "models"}
    async with client(settings, stages) as http:  # which never heard of it
        assert (await http.get("/ready")).status_code == 503


async def test_timings_are_told(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graph/v2/process/sample?outputs=gender&timings=true", json=sample())
    assert {"decode", "face-detector-face-fitter", "gender-estimator", "total"} <= answer.json()["timings"].keys()
    assert answer.headers["server-timing"].startswith("decode;dur=")


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
