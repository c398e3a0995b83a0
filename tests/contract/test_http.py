"""The HTTP interface itself: documents, formats, options, uploads and what is not there."""

import base64
from typing import Any

import httpx
import msgpack
import pytest

from tests.contract.scripted import FACE, png, sample


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
