"""What existing clients of the Image API do, as read in their sources and seen on the wire."""

import asyncio
import base64
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from estimators import CATALOGUE
from serving.engine.engine import Engine
from tests import pictures


@pytest.fixture(scope="session")
def crowd(astronaut: NDArray[np.uint8]) -> bytes:
    return pictures.encoded(pictures.crowd(astronaut), "JPEG", quality=95)


async def test_a_browser_uploads_without_a_version_and_asks_for_quality(api: httpx.AsyncClient, crowd: bytes) -> None:
    """The vendor's demo: unversioned paths, the field ``image``, ``$image`` and one object of the answer sent on."""
    upload = {"image": ("photo.jpg", crowd, "image/jpeg")}
    found = (await api.post("/face-detector-face-fitter/process/image", files=upload)).json()
    assert base64.b64decode(found["$image"]) == crowd
    body = {"$image": found["$image"], "objects": [found["objects"][0]]}
    quality = (await api.post("/quality-assessment-estimator/process/sample", json=body)).json()
    values = quality["objects"][0]["quality"]["qaa"]
    assert len(values) == 29
    assert all(isinstance(value, int) for value in values.values())  # its schema has whole points, and booleans


async def test_a_platform_merges_parallel_answers_by_index(
    api: httpx.AsyncClient, engine: Engine, crowd: bytes
) -> None:
    """The vendor's platform: faces first, then all estimators at once, merged place by place."""
    upload = {"image": ("image.jpg", crowd, "image/jpeg")}
    sample = (await api.post("/face-detector-face-fitter/v2/process/image", files=upload)).json()
    names = [name for name, kind in CATALOGUE.items() if kind.requires and name != "verify-matcher"]
    names = [name for name in names if not (await engine.stages[name].status()).missing]
    headers = {"X_REQUEST_ID": "abc", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    answers = await asyncio.gather(
        *(api.post(f"/{name}/v2/process/sample", json=sample, headers=headers) for name in names)
    )
    merged: list[dict[str, Any]] = [dict(each) for each in sample["objects"]]
    for answer in answers:
        assert answer.headers["x_request_id"] == "abc"
        for place, each in enumerate(answer.json()["objects"]):
            merged[place] |= each
    assert len(merged) == 4
    path = f"/graph/v2/process/sample?services={','.join(names)}"
    image_alone = {key: value for key, value in sample.items() if key != "objects"}
    assert (await api.post(path, json=image_alone)).json()["objects"] == merged


async def test_a_third_party_sends_image_without_the_underscore(api: httpx.AsyncClient, crowd: bytes) -> None:
    """It also sends ``"objects": [{}]`` to the detector, and the answer's objects on to the next service."""
    image = {"blob": base64.b64encode(crowd).decode(), "format": "IMAGE"}
    first = await api.post("/face-detector-face-fitter/v2/process/sample", json={"image": image, "objects": [{}]})
    found = first.json()
    assert found["_image"] == image
    body = {"image": image, "objects": found["objects"]}
    second = (await api.post("/template-extractor/v2/process/sample", json=body)).json()
    [key] = second["objects"][0]["template"]
    assert key.startswith("_face_template_extractor_")


async def test_a_client_that_reads_the_first_message_of_a_list_of_errors_finds_one(api: httpx.AsyncClient) -> None:
    body = (await api.post("/age-estimator/process/sample", json={"$image": "QUJD"})).json()
    assert isinstance(body["detail"][0]["msg"], str)


async def test_no_faces_is_an_empty_list(api: httpx.AsyncClient, astronaut: NDArray[np.uint8]) -> None:
    empty = pictures.encoded(pictures.nobody(astronaut))
    for service in ("face-detector-face-fitter", "face-detector-template-extractor"):
        answer = await api.post(f"/{service}/process/image", files={"image": empty})
        assert answer.json()["objects"] == []
