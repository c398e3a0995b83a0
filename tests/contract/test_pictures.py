"""Real answers about a set of pictures that anyone may have."""

from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests import pictures

FITTER = "/face-detector-face-fitter/v2/process/image"
KINDS = list(pictures.variations(np.zeros((8, 8, 3), np.uint8)))


async def faces(api: httpx.AsyncClient, image: bytes) -> list[dict[str, Any]]:
    response = await api.post(FITTER, files={"image": image})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["objects"]
    return found


@pytest.mark.parametrize("kind", KINDS)
async def test_the_same_picture_in_any_file_has_the_same_face(
    api: httpx.AsyncClient, astronaut: NDArray[np.uint8], kind: str
) -> None:
    [expected] = await faces(api, pictures.encoded(Image.fromarray(astronaut)))
    [found] = await faces(api, pictures.variations(astronaut)[kind])
    assert found["bbox"] == pytest.approx(expected["bbox"], abs=0.02)
    for name in ("left_eye", "right_eye", "chin"):
        assert found["keypoints"][name]["proj"] == pytest.approx(expected["keypoints"][name]["proj"], abs=0.01)


async def test_every_face_of_a_crowd_is_found_in_its_place(
    api: httpx.AsyncClient, astronaut: NDArray[np.uint8]
) -> None:
    crowd = pictures.crowd(astronaut)
    found = await faces(api, pictures.encoded(crowd))
    assert [face["id"] for face in found] == [0, 1, 2, 3]
    assert [face["confidence"] for face in found] == sorted((face["confidence"] for face in found), reverse=True)
    for left, top, scale in pictures.PLACES:
        inside = [
            face
            for face in found
            if left < face["bbox"][0] * crowd.width < left + 220 * scale
            and top < face["bbox"][1] * crowd.height < top + 240 * scale
        ]
        assert len(inside) == 1
        width = (inside[0]["bbox"][2] - inside[0]["bbox"][0]) * crowd.width
        assert width == pytest.approx(92 * scale, rel=0.15)  # the portrait's face is 92 pixels wide


async def test_where_nobody_is_nobody_is_found(api: httpx.AsyncClient, astronaut: NDArray[np.uint8]) -> None:
    assert await faces(api, pictures.encoded(pictures.nobody(astronaut))) == []


async def test_the_graph_says_of_each_face_of_a_crowd_what_it_says_of_it_alone(
    api: httpx.AsyncClient, astronaut: NDArray[np.uint8]
) -> None:
    """Rows of a batch must not be exchanged: the crowd's answers are those of the same boxes sent one by one."""
    image = pictures.encoded(pictures.crowd(astronaut))
    path = "/graph/v2/process/sample?outputs=age,gender,emotions,template"
    together = (await api.post(path.replace("sample", "image"), files={"image": image})).json()
    for face in together["objects"]:
        fitted = {key: face[key] for key in ("id", "class", "bbox", "confidence", "keypoints", "pose")}
        alone = (await api.post(path, json={**together, "objects": [fitted]})).json()
        [expected] = alone["objects"]
        assert (face["age"], face["gender"]) == (expected["age"], expected["gender"])
        assert [each["confidence"] for each in face["emotions"]] == pytest.approx(
            [each["confidence"] for each in expected["emotions"]], abs=1e-5
        )
