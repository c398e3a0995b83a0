"""Real answers have the form of the documentation's examples, for every service, in both versions and both formats."""

import base64
import json
from typing import Any

import httpx
import msgpack
import pytest

from estimators import CATALOGUE
from serving.engine.engine import Engine
from tests.contract.test_examples import EXAMPLES
from tests.pictures import document

SECTIONS = {
    "Body detection": "body-detector",
    "Gender estimation": "gender-estimator",
    "Age estimation": "age-estimator",
    "Emotion estimation": "emotion-estimator",
    "Face mask check": "mask-estimator",
    "Fitting of face landmarks": "face-detector-face-fitter",
    "Image quality assessment": "quality-assessment-estimator",
    "Face verification": "verify-matcher",
}
CASES = [
    (SECTIONS.get(each["sec"], each["sec"]), each["ver"], each["doc"]) for each in EXAMPLES if each["kind"] == "resp"
]
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")


async def post(api: httpx.AsyncClient, path: str, body: Any) -> Any:
    response = await api.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def request_for(api: httpx.AsyncClient, service: str, version: str, jpeg: bytes) -> dict[str, Any]:
    """What a client would send to a service, with the objects that it takes from the detector before it."""
    if "detector" in service:
        return document(version, jpeg)
    if service == "verify-matcher":
        found = await post(api, f"/face-detector-template-extractor/{version}/process/sample", document(version, jpeg))
        return {"objects": found["objects"] * 2}
    found = await post(api, f"/face-detector-face-fitter/{version}/process/sample", document(version, jpeg))
    return document(version, jpeg, found["objects"])


def form(value: Any) -> Any:
    """The names and types in a value, whatever its numbers: what a client relies on."""
    if isinstance(value, dict):
        return {_common(key): form(each) for key, each in value.items()}
    if isinstance(value, list):
        return [form(each) for each in value]
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__


def _common(key: str) -> str:
    """The key of a template names its model, and the documentation once writes $image for _image."""
    return "_face_template_extractor" if key.startswith("_face_template_extractor") else key


@cases
async def test_an_answer_has_the_form_of_the_example(
    api: httpx.AsyncClient, engine: Engine, jpeg: bytes, case: tuple[str, str, Any]
) -> None:
    service, version, example = case
    if (await engine.stages[service].status()).missing:
        pytest.skip(f"{service} lacks its model")
    request = await request_for(api, service, version, jpeg)
    answer = await post(api, f"/{service}/{version}/process/sample", request)
    if service == "quality-assessment-estimator" and version == "v2":
        example = {**document("v2", b"x"), **{key: each for key, each in example.items() if key != "$image"}}
    found = form(answer)
    expected = form(example)
    if "detector" in service:  # the number of objects is the photo's, and there are some
        assert found["objects"]
        expected["objects"] = expected["objects"][:1] * len(found["objects"])
    else:
        expected["objects"] = [
            form(sent) | wanted for sent, wanted in zip(request["objects"], expected["objects"], strict=True)
        ]
    assert found == expected


@cases
async def test_msgpack_says_the_same_as_json(
    api: httpx.AsyncClient, engine: Engine, jpeg: bytes, case: tuple[str, str, Any]
) -> None:
    service, version, _ = case
    if (await engine.stages[service].status()).missing:
        pytest.skip(f"{service} lacks its model")
    request = await request_for(api, service, version, jpeg)
    path = f"/{service}/{version}/process/sample"
    as_json = await post(api, path, request)
    response = await api.post(path, content=msgpack.packb(request), headers={"Content-Type": "application/msgpack"})
    assert response.headers["content-type"] == "application/msgpack"
    assert as_text(msgpack.unpackb(response.content)) == as_json
    image = {"$image": jpeg} if version == "v1" else {"_image": {"blob": jpeg, "format": "IMAGE"}}
    binary = request | (image if service != "verify-matcher" else {})
    response = await api.post(path, content=msgpack.packb(binary), headers={"Content-Type": "application/msgpack"})
    assert as_text(msgpack.unpackb(response.content)) == as_json


def as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_text(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_text(each) for each in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_the_chain_and_the_graph_agree_object_by_object(
    api: httpx.AsyncClient, engine: Engine, jpeg: bytes, version: str
) -> None:
    services = [
        name
        for name, kind in CATALOGUE.items()
        if kind.subject == "face" and kind.requires and name != "verify-matcher"
        if not (await engine.stages[name].status()).missing
    ]
    chain = await post(api, f"/face-detector-face-fitter/{version}/process/sample", document(version, jpeg))
    for service in services:
        chain = await post(api, f"/{service}/{version}/process/sample", chain)
    path = f"/graph/{version}/process/sample?services={','.join(services)}"
    graph = await post(api, path, document(version, jpeg))
    assert graph == chain
    uploaded = await api.post(path.replace("sample", "image"), files={"image": ("a.jpg", jpeg, "image/jpeg")})
    assert json.loads(uploaded.content)["objects"] == chain["objects"]


async def test_v1_and_v2_say_the_same(api: httpx.AsyncClient, jpeg: bytes) -> None:
    one, two = [
        (await post(api, f"/face-detector-face-fitter/{version}/process/sample", document(version, jpeg)))["objects"]
        for version in ("v1", "v2")
    ]
    for left, right in zip(one, two, strict=True):
        assert left["bbox"] == right["bbox"]
        assert left["angles"] == right["pose"]
        points = [point["proj"] for name, point in right["keypoints"].items() if name != "fitter_type"]
        flat = [number for x, y in points for number in (x * 512, y * 512, 0)]
        assert left["fitter"]["keypoints"] == flat
