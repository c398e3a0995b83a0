"""The running server, asked over HTTP as its users ask it."""

import asyncio
import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgpack
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from estimators import CATALOGUE, Detector
from tests import pictures
from tests.e2e import fuzz
from tests.pictures import document

pytestmark = pytest.mark.server
FACE_SERVICES = [name for name, kind in CATALOGUE.items() if kind.subject == "face" and kind.requires]
ESTIMATORS = [name for name in FACE_SERVICES if name != "verify-matcher"]


def post(client: httpx.Client, path: str, body: Any) -> Any:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture(scope="module")
def working(client: httpx.Client) -> set[str]:
    """The services whose models are here."""
    states = client.get("/ready").json()["services"]
    assert set(states) == set(CATALOGUE)
    return {name for name, state in states.items() if state["ready"]}


def test_every_service_is_ready_or_says_which_model_it_lacks(client: httpx.Client, working: set[str]) -> None:
    ready = client.get("/ready")
    assert ready.status_code == (200 if working == set(CATALOGUE) else 503)
    for name, state in ready.json()["services"].items():
        assert name in working or "not installed" in state["detail"]
    assert client.get(f"/ready?services={','.join(working)}").status_code == 200


@pytest.mark.parametrize("people", [1, 4])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_chain_and_the_graph_agree(
    client: httpx.Client, astronaut: NDArray[np.uint8], working: set[str], version: str, people: int
) -> None:
    jpeg = pictures.encoded(Image.fromarray(astronaut) if people == 1 else pictures.crowd(astronaut), "JPEG")
    services = [name for name in ESTIMATORS if name in working]
    chain = post(client, f"/face-detector-face-fitter/{version}/process/sample", document(version, jpeg))
    for service in services:
        chain = post(client, f"/{service}/{version}/process/sample", chain)
    graph = post(client, f"/graph/{version}/process/sample?services={','.join(services)}", document(version, jpeg))
    assert graph == chain
    assert len(graph["objects"]) == people


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("service", [name for name, kind in CATALOGUE.items() if issubclass(kind, Detector)])
def test_detectors_take_uploads_and_documents(
    client: httpx.Client, jpeg: bytes, working: set[str], service: str, version: str
) -> None:
    if service not in working:
        pytest.skip(f"{service} lacks its model")
    uploaded = client.post(f"/{service}/{version}/process/image", files={"image": ("me.jpg", jpeg, "image/jpeg")})
    assert uploaded.json() == post(client, f"/{service}/{version}/process/sample", document(version, jpeg))
    if version == "v1":
        assert client.post(f"/{service}/process/image/", files={"image": jpeg}).json() == uploaded.json()


def test_msgpack_in_and_out(client: httpx.Client, jpeg: bytes) -> None:
    body = msgpack.packb({"_image": {"blob": jpeg, "format": "IMAGE"}})
    response = client.post(
        "/graph/v2/process/sample?outputs=template", content=body, headers={"Content-Type": "application/msgpack"}
    )
    answer = msgpack.unpackb(response.content)
    [template] = answer["objects"][0]["template"].values()
    assert answer["_image"]["blob"] == jpeg
    assert len(template["blob"]) == 296


def test_a_service_without_its_model_says_so(client: httpx.Client, jpeg: bytes, working: set[str]) -> None:
    face = {"id": 0, "class": "face", "bbox": [0.3, 0.1, 0.6, 0.4]}
    for service in {"mask-estimator", "liveness-estimator"} - working:
        response = client.post(f"/{service}/v2/process/sample", json=document("v2", jpeg) | {"objects": [face]})
        assert response.status_code == 503
        assert re.search(r"aizoo_mask|MiniFASNet", response.json()["detail"])


def test_the_named_graph_answers_with_what_there_is(client: httpx.Client, jpeg: bytes, working: set[str]) -> None:
    response = client.post(
        "/graph/v2/process/image?graph=face-analytics&echo=false&timings=true", files={"image": jpeg}
    )
    answer = response.json()
    assert response.status_code == 200
    assert "_image" not in answer
    assert {each["node"] for each in answer.get("errors", [])} == set(ESTIMATORS) - working
    assert {"age", "gender", "emotions", "quality", "template", "keypoints"} <= answer["objects"][0].keys()
    assert answer["timings"]["age-estimator"] > 0
    assert "age-estimator;dur=" in response.headers["server-timing"]


def test_verify_compares_the_best_pair(client: httpx.Client, jpeg: bytes) -> None:
    flipped = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(flipped, "PNG")
    samples = [document("v2", jpeg), document("v2", flipped.getvalue())]
    answer = post(client, "/graph/v2/process/sample", {"graph": "verify", "samples": samples})
    assert answer["pair"] == [0, 0]
    assert answer["verification"]["score"] > 0.85
    objects = [each["objects"][0] for each in answer["samples"]]
    assert (
        post(client, "/verify-matcher/v2/process/sample", {"objects": objects})["verification"]
        == (answer["verification"])
    )


def test_each_sample_of_a_batch_has_its_own_answer(client: httpx.Client, jpeg: bytes) -> None:
    good, bad = document("v1", jpeg), {"$image": "?"}
    answer = post(client, "/graph/v1/process/sample?outputs=age", {"samples": [good, bad, good, 7]})
    first, second, third, fourth = answer["samples"]
    assert first == third
    assert first["objects"][0]["age"].isdigit()
    assert second == {"status": 400, "detail": "Failed to decode base64 string"}
    assert fourth["status"] == 422


def test_requests_at_the_same_time_get_their_own_answers(url: str, astronaut: NDArray[np.uint8]) -> None:
    """Crops that move the face: every answer must hold the box of its own image."""
    images = [astronaut[:300, left : left + 300] for left in range(60, 180, 5)]
    files = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(image)).save(buffer, "PNG")
        files.append(buffer.getvalue())

    async def all_of_them() -> list[float]:
        async with httpx.AsyncClient(base_url=url, timeout=120) as client:
            answers = await asyncio.gather(
                *(client.post("/graph/v2/process/image?outputs=age,gender", files={"image": each}) for each in files)
            )
        return [each.json()["objects"][0]["keypoints"]["nose"]["proj"][0] * 300 for each in answers]

    noses = asyncio.run(all_of_them())
    assert np.diff(noses) == pytest.approx([-5.0] * (len(images) - 1), abs=2.5)


def test_a_body_without_a_length_is_limited_too(client: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"$image": "'
        for _ in range(40):
            yield b"A" * 2**20

    response = client.post("/age-estimator/v1/process/sample", content=endless())
    assert response.status_code == 413
    assert "larger than" in response.json()["detail"]


def test_an_image_beyond_the_limit_is_refused(client: httpx.Client, jpeg: bytes) -> None:
    response = client.post("/body-detector/v1/process/sample", json=document("v1", jpeg + bytes(5_000_000)))
    assert response.status_code == 413


def test_the_identity_of_a_request_comes_back(client: httpx.Client) -> None:
    assert client.get("/health", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert client.get("/health", headers={"X_REQUEST_ID": "abc-2"}).headers["x_request_id"] == "abc-2"
    assert len(client.get("/health").headers["x-request-id"]) > 20


def test_models_in_use_are_told_with_licence_and_digest(client: httpx.Client) -> None:
    models = client.get("/version").json()["models"]
    assert {"yunet_n_dynamic", "centerface_dyn"} & models.keys()
    for model in models.values():
        assert re.fullmatch("[0-9a-f]{64}", model["sha256"])
        assert model["licence"]
        assert model["services"]


@pytest.mark.parametrize("page", ["/", "/docs"])
def test_pages_need_nothing_from_elsewhere(client: httpx.Client, page: str) -> None:
    response = client.get(page)
    assert response.status_code == 200
    assert not re.search(r'(?:src|href)="(?:https?:)?//', response.text)


def test_photographs_have_the_faces_that_were_counted(client: httpx.Client, data: Callable[[str], Path]) -> None:
    folder = data("photos")
    with (folder / "labels.csv").open() as table:
        rows = list(csv.DictReader(table))
    right = 0
    for row in rows:
        image = (folder / row["path"]).read_bytes()
        found = client.post("/face-detector-face-fitter/v2/process/image?echo=false", files={"image": image})
        right += found.status_code == 200 and len(found.json()["objects"]) == int(row["faces"])
    assert right >= len(rows) - 2


def test_malformed_requests_do_no_harm(url: str, jpeg: bytes) -> None:
    async def shots() -> tuple[dict[int, int], list[str]]:
        async with httpx.AsyncClient(base_url=url, timeout=fuzz.PATIENCE) as client:
            return await fuzz.fire(client, 400, seed=7)

    statuses, problems = asyncio.run(shots())
    assert problems == []
    assert sum(statuses.values()) == 400
    good = httpx.post(f"{url}/face-detector-face-fitter/v2/process/image", files={"image": jpeg}, timeout=30)
    assert len(good.json()["objects"]) == 1


def test_a_server_that_answered_left_no_telemetry_behind(client: httpx.Client, user_cache: Path, jpeg: bytes) -> None:
    client.post("/graph/v2/process/image", files={"image": jpeg}).raise_for_status()
    assert [path for path in user_cache.rglob("*") if "onnxruntime" in str(path).lower()] == []
