"""CompreFace's interface: embeddings that are compared instead of images."""

from typing import Any
from uuid import uuid4

import pytest

from tests.contract.compreface_api import Services, file, ok, refused

RECOGNISE, VERIFY = "recognition/embeddings/recognize", "verification/embeddings/verify"


async def embedding(compreface: Services, image: bytes) -> list[float]:
    query = {"face_plugins": "calculator"}
    [face] = ok(await compreface.call("POST", "detection/detect", params=query, files=file(image)))["result"]
    return list(face["embedding"])


async def test_an_embedding_is_recognised_as_its_image_is(compreface: Services, jpeg: bytes) -> None:
    for name in ("A", "B"):
        ok(await compreface.add(name, jpeg), 201)
    vector = await embedding(compreface, jpeg)
    longer = [1e39 * each for each in vector]  # length says nothing
    query = {"prediction_count": 2}
    found = ok(await compreface.call("POST", RECOGNISE, params=query, json={"embeddings": [vector, longer]}))["result"]
    alike = [{"subject": "A", "similarity": 1.0}, {"subject": "B", "similarity": 1.0}]
    assert found == [{"embedding": vector, "similarities": alike}, {"embedding": longer, "similarities": alike}]


async def test_embeddings_are_compared_with_an_example(compreface: Services, jpeg: bytes) -> None:
    example = ok(await compreface.add("A", jpeg), 201)["image_id"]
    vector = await embedding(compreface, jpeg)
    opposite = [-each for each in vector]
    path = f"recognition/embeddings/faces/{example}/verify"
    found = ok(await compreface.call("POST", path, json={"embeddings": [opposite, vector]}))["result"]
    assert found == [{"embedding": vector, "similarity": 1.0}, {"embedding": opposite, "similarity": 0.0}]
    path = f"recognition/embeddings/faces/{uuid4()}/verify"
    refused(await compreface.call("POST", path, json={"embeddings": [vector]}), 404, 44)


async def test_embeddings_are_compared_with_each_other(compreface: Services, jpeg: bytes) -> None:
    vector = await embedding(compreface, jpeg)
    opposite = [-each for each in vector]
    body = {"source": vector, "targets": [opposite, vector]}
    found = ok(await compreface.call("POST", f"{VERIFY}/", json=body))["result"]
    assert [each["similarity"] for each in found] == [1.0, 0.0]  # the most alike first
    assert [each["embedding"] for each in found] == [vector, opposite]


@pytest.mark.parametrize(
    ("embeddings", "code", "message"),
    [
        (None, 5, "Field embeddings cannot be empty"),
        ([], 5, "Field embeddings cannot be empty"),
        ("x", 26, "embeddings should be a list; "),
        ([5], 26, "An embedding should be a list of numbers; "),
        ([["x"]], 26, "An embedding should be a list of numbers; "),
        ([[True]], 26, "An embedding should be a list of numbers; "),
        ([[]], 37, "components of an embedding were expected, but 0 were provided"),
        ([[1.0, 2.0, 3.0]], 37, "components of an embedding were expected, but 3 were provided"),
        ([[1.0]] * 1001, 37, "At most 1000 embeddings can be given"),
    ],
)
async def test_what_is_no_embedding_is_refused(compreface: Services, embeddings: Any, code: int, message: str) -> None:
    answer = await compreface.call("POST", RECOGNISE, json={"embeddings": embeddings})
    assert refused(answer, 400, code).endswith(message)


@pytest.mark.parametrize(("component", "code"), [("0", 26), ("1e999", 0), ("1" + 400 * "0", 26)])
async def test_embeddings_without_a_direction_are_refused(
    compreface: Services, jpeg: bytes, component: str, code: int
) -> None:
    dimension = len(await embedding(compreface, jpeg))
    body = f'{{"source": [{",".join([component] * dimension)}], "targets": [[1]]}}'
    refused(await compreface.call("POST", VERIFY, content=body), 400, code)


@pytest.mark.parametrize("name", ["source", "targets"])
async def test_both_sides_of_a_comparison_are_needed(compreface: Services, jpeg: bytes, name: str) -> None:
    vector = await embedding(compreface, jpeg)
    body: dict[str, Any] = {"source": vector, "targets": [vector], name: []}
    answer = await compreface.call("POST", VERIFY, json=body)
    assert refused(answer, 400, 5) == f"Field {name} cannot be empty"
