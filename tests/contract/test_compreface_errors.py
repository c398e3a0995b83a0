"""CompreFace's interface: its errors, each with its code and words, and what it tells of itself."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from serving.engine.engine import Engine
from serving.engine.loading import template_identity
from store import Store, collections
from tests.contract.compreface_api import Services, base64_text, file, ok, refused, running
from tests.contract.test_compreface_images import pair

SUBJECTS, FACES, DETECT = "recognition/subjects", "recognition/faces", "detection/detect"
RECOGNISE, VERIFY = "recognition/recognize", "verification/verify"
OPEN = ("config", "consistence/status", "static/x/images/y")
ALWAYS = [
    ("GET", SUBJECTS),
    ("POST", SUBJECTS),
    ("DELETE", SUBJECTS),
    ("PUT", f"{SUBJECTS}/a"),
    ("DELETE", f"{SUBJECTS}/a"),
    ("GET", FACES),
    ("POST", FACES),
    ("DELETE", FACES),
    ("POST", f"{FACES}/delete"),
    ("DELETE", f"{FACES}/{uuid4()}"),
    ("GET", f"{FACES}/{uuid4()}/img"),
    ("POST", f"{FACES}/{uuid4()}/verify"),
    ("POST", RECOGNISE),
    ("POST", "recognition/embeddings/recognize"),
    ("POST", f"recognition/embeddings/faces/{uuid4()}/verify"),
    ("POST", DETECT),
    ("POST", VERIFY),
    ("POST", "verification/embeddings/verify"),
]


@pytest.mark.parametrize(("method", "path"), ALWAYS)
async def test_every_call_wants_a_key_of_its_kind(compreface: Services, method: str, path: str) -> None:
    url, kind = f"/api/v1/{path}", path.split("/", maxsplit=1)[0]
    missing = await compreface.client.request(method, url)
    assert refused(missing, 400, 20) == "Missing header: x-api-key"
    for wrong in ("", "secret", f"{{{uuid4()}}}"):
        answer = await compreface.client.request(method, url, headers={"x-api-key": wrong})
        assert refused(answer, 400, 26) == "Service API key should be UUID"
    other = compreface.keys["detection" if kind != "detection" else "recognition"]
    for unknown in (str(uuid4()), other):
        answer = await compreface.client.request(method, url, headers={"x-api-key": unknown})
        message = f"{kind.capitalize()} service with API Key {unknown} not found"
        assert refused(answer, 404, 10) == message


async def test_keys_are_taken_in_any_case(compreface: Services) -> None:
    ok(await compreface.call("GET", SUBJECTS, headers={"x-api-key": compreface.keys["recognition"].upper()}))


async def test_a_key_whose_collection_is_gone_opens_nothing(compreface: Services) -> None:
    ok(await compreface.call("GET", SUBJECTS))
    async with compreface.people.store.begin() as transaction:
        await collections.delete_collection(transaction, "recognition", compreface.collection.key)
    refused(await compreface.call("GET", SUBJECTS), 404, 10)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", RECOGNISE), ("PUT", FACES), ("DELETE", DETECT), ("PATCH", "config")]
)
async def test_a_wrong_method_is_not_found(compreface: Services, method: str, path: str) -> None:
    message = refused(await compreface.call(method, path), 404, 0)
    assert message == f"Request method '{method}' not supported"


async def test_an_unknown_path_is_not_found_to_who_has_a_key(compreface: Services) -> None:
    refused(await compreface.call("POST", "recognition/horoscope"), 404, 0)
    refused(await compreface.client.post("/api/v1/recognition/horoscope"), 400, 20)


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ({"limit": "-1"}, 26, "Limit should be equal or greater than 0; "),
        ({"prediction_count": "0"}, 26, "prediction_count should be equal or greater than 1; "),
        (
            {"limit": "-1", "prediction_count": "0"},
            26,
            "Limit should be equal or greater than 0; prediction_count",
        ),
        ({"limit": "many"}, 26, "limit should be an integer, not 'many'; "),
        ({"limit": "99999999999999999999"}, 26, "limit should be an integer"),
        ({"limit": "1.5"}, 26, "limit should be an integer"),
        ({"status": "maybe"}, 26, "status should be true or false"),
        ({"det_prob_threshold": "0.8?face_plugins=age"}, 26, "det_prob_threshold should be a number"),
        ({"det_prob_threshold": "nan"}, 26, "det_prob_threshold should be a number"),
        ({"det_prob_threshold": "1e999"}, 26, "det_prob_threshold should be a number"),
        ({"det_prob_threshold": "1.1"}, 28, "Detection threshold incorrect (0 <= det_prob_threshold <= 1)"),
    ],
)
async def test_queries_are_read_strictly(
    compreface: Services, jpeg: bytes, query: dict[str, str], code: int, message: str
) -> None:
    answer = await compreface.call("POST", RECOGNISE, params=query, files=file(jpeg))
    assert refused(answer, 400, code).startswith(message)


async def test_embeddings_have_their_rule_too(compreface: Services) -> None:
    answer = await compreface.call("POST", "recognition/embeddings/recognize?prediction_count=0", json={})
    assert refused(answer, 400, 26) == "prediction_count should be equal or greater than 1; "


@pytest.mark.parametrize(
    "query", ["?&limit=1&status=True", "?limit=&det_prob_threshold=&status=&prediction_count=", "?limit=1&limit=x"]
)
async def test_queries_as_clients_write_them(compreface: Services, jpeg: bytes, query: str) -> None:
    ok(await compreface.call("POST", f"{RECOGNISE}{query}", files=file(jpeg)))


@pytest.mark.parametrize("name", ["face.heic", "face", "", "jpg", "face.jpg.exe"])
async def test_the_name_of_a_file_tells_its_kind(compreface: Services, jpeg: bytes, name: str) -> None:
    answer = await _raw(compreface, DETECT, f'name="file"; filename="{name}"', jpeg)
    assert refused(answer, 400, 21) == f"File [{name}] has an unavailable extension"


async def test_a_part_without_a_name_is_no_file(compreface: Services, jpeg: bytes) -> None:
    answer = await _raw(compreface, DETECT, 'name="file"', b"text")
    assert refused(answer, 400, 34) == "Required part file is missing"
    answer = await compreface.call("POST", DETECT, files={"image": ("face.jpg", jpeg)})
    assert refused(answer, 400, 34) == "Required part file is missing"
    answer = await compreface.call("POST", VERIFY, files={"source_image": ("face.jpg", jpeg)})
    assert refused(answer, 400, 34) == "Required part target_image is missing"


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({}, 5, "Field file cannot be empty"),
        ({"file": None}, 5, "Field file cannot be empty"),
        ({"file": "data:image/jpeg;base64,AAAA"}, 21, "Provided value is not Base64"),
        ({"file": "A"}, 21, "Provided value is not Base64"),
        ({"file": 5}, 21, "Provided value is not Base64"),
        ({"file": ""}, 28, "Image has incorrect format or is broken"),
        ({"file": "QUJD"}, 28, "Image has incorrect format or is broken"),
        ([], 0, "The body should be a JSON object"),
    ],
)
async def test_bodies_that_hold_no_image(compreface: Services, body: Any, code: int, message: str) -> None:
    assert refused(await compreface.call("POST", DETECT, json=body), 400, code) == message


async def test_other_alphabets_and_lines_of_base64_are_read(compreface: Services, jpeg: bytes) -> None:
    raw = base64_text(jpeg).replace("+", "-").replace("/", "_").rstrip("=")
    lines = "\r\n".join(raw[start : start + 76] for start in range(0, len(raw), 76))
    ok(await compreface.call("POST", DETECT, json={"file": lines}))


@pytest.mark.parametrize("sent", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_other_content_types_are_refused(compreface: Services, sent: str) -> None:
    answer = await compreface.call("POST", DETECT, content=b"file=1", headers={"Content-Type": sent})
    assert "not supported" in refused(answer, 415, 0)


@pytest.mark.parametrize("sent", ["multipart/form-data", "multipart/form-data; boundary=x", "application/json"])
async def test_malformed_bodies_are_refused(compreface: Services, sent: str) -> None:
    refused(await compreface.call("POST", DETECT, content=b"\xff{", headers={"Content-Type": sent}), 400, 0)


async def test_limits_on_files_and_requests(compreface: Services) -> None:
    large = bytes(5 * 2**20 + 1)
    for more in ({"files": file(large)}, {"json": {"file": base64_text(large)}}):
        assert "5242880 are allowed" in refused(await compreface.call("POST", DETECT, **more), 400, 0)
    two = pair(large, large)
    assert "10485760" in refused(await compreface.call("POST", VERIFY, files=two), 413, 0)
    answer = ok(await compreface.client.get("/api/v1/config"))
    assert answer == {"clientMaxFileSize": 5242880, "clientMaxBodySize": 10485760}


async def test_subjects_must_be_named(compreface: Services, jpeg: bytes) -> None:
    answer = await compreface.call("POST", FACES, files=file(jpeg))
    assert refused(answer, 400, 33) == "Required parameter subject is missing"
    for method in ("POST", "DELETE"):  # an empty one does not mean all
        answer = await compreface.call(method, FACES, params={"subject": " "})
        assert refused(answer, 400, 26) == "Subject name is empty; "
    assert refused(await compreface.call("POST", SUBJECTS, json={"subject": " "}), 400, 26) == "Subject name is empty; "
    for nothing in ({}, {"subject": None}):
        answer = await compreface.call("POST", SUBJECTS, json=nothing)
        assert refused(answer, 400, 5) == "Field subject cannot be empty"


@pytest.mark.parametrize(("name", "code"), [("x" * 256, 26), ("a\0b", 36), ("\ud800", 0), (5, 26)])
async def test_names_that_cannot_be_kept_are_refused(compreface: Services, name: Any, code: int) -> None:
    body = json.dumps({"subject": name}).encode()
    refused(await compreface.call("POST", SUBJECTS, content=body), 400, code)
    refused(await compreface.call("PUT", f"{SUBJECTS}/a", content=body), 400, code)


async def test_a_name_in_an_address_that_cannot_be_kept_is_refused(compreface: Services, jpeg: bytes) -> None:
    refused(await compreface.call("DELETE", f"{SUBJECTS}/a%00"), 400, 36)
    for method in ("GET", "POST", "DELETE"):
        refused(await compreface.call(method, f"{FACES}?subject=a%00", files=file(jpeg)), 400, 36)


async def test_the_longest_name_in_the_widest_letters_is_kept(compreface: Services) -> None:
    name = "\N{GREEK SMALL LETTER IOTA WITH DIALYTIKA AND TONOS}" * 255
    ok(await compreface.call("POST", SUBJECTS, json={"subject": name}), 201)
    ok(await compreface.call("DELETE", f"{SUBJECTS}/{name}"))


async def test_unknown_subjects_and_images(compreface: Services, jpeg: bytes) -> None:
    assert refused(await compreface.call("DELETE", f"{SUBJECTS}/A+B"), 404, 42) == "Subject A+B not found"
    image = uuid4()
    assert refused(await compreface.call("DELETE", f"{FACES}/{image}"), 404, 44) == f"Image {image} not found"
    answer = await compreface.call("POST", f"{FACES}/{image}/verify", files=file(jpeg))
    assert refused(answer, 404, 44) == f"Image {image} not found"
    for method, end in (("DELETE", ""), ("GET", "/img"), ("POST", "/verify")):
        answer = await compreface.call(method, f"{FACES}/x{end}")
        assert refused(answer, 404, 44) == "Image Id is incorrect"
    assert refused(await compreface.call("POST", f"{FACES}/delete", json=["x"]), 404, 44) == "Image Id is incorrect"
    refused(await compreface.call("POST", f"{FACES}/delete", json={"a": 1}), 400, 0)
    assert ok(await compreface.call("POST", f"{FACES}/delete", json=[])) == []


async def test_faces_that_cannot_be_enrolled(compreface: Services, crowd: bytes, nobody: bytes) -> None:
    assert refused(await compreface.add("A", crowd), 400, 31) == "More than one face in the source image"
    assert refused(await compreface.add("A", nobody), 400, 28) == "No face is found in the given image"
    assert await compreface.subjects() == []


async def test_browsers_may_call_from_anywhere(compreface: Services) -> None:
    preflight = await compreface.client.options(f"/api/v1/{RECOGNISE}", headers={"Origin": "http://elsewhere"})
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert preflight.headers["access-control-max-age"] == "1728000"
    for answer in (
        preflight,
        await compreface.client.get("/api/v1/config"),
        await compreface.client.get(f"/api/v1/{FACES}"),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "DELETE" in answer.headers["access-control-allow-methods"]
        assert "x-api-key" in answer.headers["access-control-allow-headers"]


async def test_templates_of_another_model_are_told_as_an_inconsistency(
    compreface: Services, engine: Engine, identity: Store, jpeg: bytes
) -> None:
    consistent = ok(await compreface.client.get("/api/v1/consistence/status"))
    assert consistent == {
        "demoFaceCollectionIsInconsistent": False,
        "dbIsInconsistent": False,
        "saveImagesToDB": True,
        "status": "OK",
    }
    assert (await compreface.client.post("/api/v1/migrate")).text == "Migration started"
    ok(await compreface.add("A", jpeg), 201)
    name = "mobileface_V2" if template_identity(engine.settings).model == "faceres" else "human_faceres"
    files = engine.settings.store()
    if not files.has(files.manifest.models[name]):
        pytest.skip("there is but one model of templates")
    async with running(engine, identity, models={"template": name}) as other:
        answer = ok(await other.client.get("/api/v1/consistence/status"))
        assert answer["dbIsInconsistent"]
        assert "re-embed" in refused(await other.client.post("/api/v1/migrate"), 500, 41)
        body = {"embeddings": [[1.0] * template_identity(other.people.settings).dimension]}
        answer = await other._replace(keys=compreface.keys).call("POST", "recognition/embeddings/recognize", json=body)
        assert "Error during synchronization between servers" in refused(answer, 500, 41)


async def test_beyond_loopback_even_open_routes_want_a_key(engine: Engine, identity: Store) -> None:
    async with running(engine, identity, require_key=True, api_keys=(SecretStr("administrator"),)) as compreface:
        for path in ("config", "consistence/status"):
            refused(await compreface.client.get(f"/api/v1/{path}"), 400, 20)
            ok(await compreface.call("GET", path, headers={"x-api-key": compreface.keys["detection"]}))
        refused(await compreface.call("POST", "migrate", headers={"x-api-key": compreface.keys["detection"]}), 400, 20)
        assert (await compreface.call("POST", "migrate", headers={"x-api-key": "administrator"})).status_code == 200


async def test_without_a_database_clients_are_told_to_come_again(
    compreface: Services, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ok(await compreface.call("POST", RECOGNISE, files=file(jpeg)))  # the keys are known for a while
    lost = Store("postgresql://nobody:nothing@127.0.0.1:1/none", connections=1)
    monkeypatch.setattr(compreface.people, "_store", lost)
    for method, path in [("GET", SUBJECTS), ("POST", RECOGNISE), ("DELETE", f"{SUBJECTS}/a")]:
        answer = await compreface.call(method, path, files=file(jpeg))
        message = refused(answer, 503, 41)
        assert "database" in message
        assert answer.headers["retry-after"] == "1"
    await lost.close()


async def _raw(compreface: Services, path: str, disposition: str, data: bytes) -> httpx.Response:
    """A multipart request with one part, whose headers are as a client wrote them."""
    body = f"--limit\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + data + b"\r\n--limit--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=limit"}
    return await compreface.call("POST", path, content=body, headers=headers)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["subject", "file", "source_image", "embeddings", "source", "targets"]), inner
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    call=st.sampled_from(ALWAYS),
    body=st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()),
    sent=st.sampled_from(["application/json", "multipart/form-data; boundary=limit", "text/plain"]),
    query=st.dictionaries(st.sampled_from(["subject", "page", "size", "limit", "status"]), st.text(max_size=10)),
)
async def test_whatever_is_sent_is_answered_or_refused(
    compreface: Services, call: tuple[str, str], body: bytes, sent: str, query: dict[str, str]
) -> None:
    method, path = call
    answer = await compreface.call(method, path, params=query, content=body, headers={"Content-Type": sent})
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert set(answer.json()) == {"message", "code"}
