"""CompreFace's interface: faces that are found, recognised and compared, in the types of both versions."""

import csv
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from serving.engine.engine import Engine
from store import Store
from tests import pictures
from tests.contract.compreface_api import Services, base64_text, file, ok, refused, running

ALL = "age,gender,landmarks,calculator,mask,pose"
DETECT, RECOGNISE, VERIFY = "detection/detect", "recognition/recognize", "verification/verify"


def pair(source: bytes, target: bytes) -> dict[str, tuple[str, bytes]]:
    return {"source_image": ("a.jpg", source), "target_image": ("b.jpg", target)}


@pytest.fixture
async def old(engine: Engine, identity: Store) -> AsyncIterator[Services]:
    """The interface with the answers of version 0.x."""
    async with running(engine, identity, compreface_answers="0") as found:
        yield found


async def test_without_plugins_only_the_box_is_told(compreface: Services, jpeg: bytes) -> None:
    found = ok(await compreface.call("POST", DETECT, files=file(jpeg)))
    expected = {"x_max": 269, "y_max": 176, "x_min": 178, "y_min": 66}  # detectors differ by some pixels
    [face] = found["result"]
    probability = face["box"].pop("probability")
    assert found == {"result": [{"box": face["box"]}]}
    assert face["box"] == pytest.approx(expected, abs=8)
    assert 0.8 < probability <= 1
    assert all(isinstance(each, int) for each in face["box"].values())


async def test_plugins_say_more_in_the_types_of_version_1(compreface: Services, jpeg: bytes) -> None:
    [face] = ok(await compreface.call("POST", DETECT, params={"face_plugins": ALL}, files=file(jpeg)))["result"]
    assert face["age"] == {"probability": 0.59, "high": face["age"]["low"] + 10, "low": face["age"]["low"]}
    assert face["gender"] == {"probability": pytest.approx(0.85, abs=0.15), "value": "female"}
    assert face["mask"] == {"probability": pytest.approx(0.9, abs=0.1), "value": "without_mask"}
    expected = [[204, 102], [247, 104], [224, 129], [201, 139], [246, 141]]  # eyes, nose, corners of the mouth
    assert np.asarray(face["landmarks"]) == pytest.approx(np.asarray(expected), abs=4)
    assert face["pose"] == {name: pytest.approx(face["pose"][name]) for name in ("pitch", "roll", "yaw")}
    assert np.linalg.norm(face["embedding"]) == pytest.approx(1)


async def test_plugins_in_the_types_of_the_source_document(old: Services, jpeg: bytes) -> None:
    ok(await old.add("A", jpeg), 201)
    query = {"face_plugins": ALL, "status": "true"}
    found = ok(await old.call("POST", RECOGNISE, params=query, files=file(jpeg)))
    [face] = found["result"]
    low, high = face["age"]
    assert high == low + 10
    assert face["gender"] == "female"
    assert set(found["plugins_versions"]) >= {"age", "gender", "detector", "calculator"}
    example = (await old.examples())[0]["image_id"]
    [face] = ok(await old.call("POST", f"recognition/faces/{example}/verify", files=file(jpeg)))["result"]
    assert set(face) == {"box", "similarity"}
    [verified] = ok(await old.call("POST", VERIFY, params=query, files=pair(jpeg, jpeg)))["result"]
    assert verified["source_image_face"]["gender"] == verified["face_matches"][0]["gender"] == "female"


async def test_plugins_that_there_are_not_say_nothing(compreface: Services, jpeg: bytes) -> None:
    query = {"face_plugins": "landmarks2d106, horoscope  ,age", "status": "on"}
    found = ok(await compreface.call("POST", DETECT, params=query, files=file(jpeg)))
    assert set(found["result"][0]) == {"box", "age", "execution_time"}
    assert set(found["plugins_versions"]) == set(found["result"][0]["execution_time"]) == {"detector", "age"}


async def test_the_status_tells_times_and_models(compreface: Services, crowd: bytes) -> None:
    query = {"face_plugins": ALL, "status": "true"}
    found = ok(await compreface.call("POST", DETECT, params=query, files=file(crowd)))
    times = [face["execution_time"] for face in found["result"]]
    assert set(times[0]) == {"detector", "age", "gender", "mask", "calculator"}
    assert all(each == times[0] and each["calculator"] > 0 for each in times)
    versions = found["plugins_versions"]
    assert set(versions) == {"detector", "age", "gender", "mask", "calculator", "pose"}
    assert versions["calculator"].startswith("template-extractor@")
    assert versions["detector"].startswith("face-detector-face-fitter@")


async def test_a_comparison_tells_of_the_calculator_but_not_its_vectors(compreface: Services, jpeg: bytes) -> None:
    found = ok(await compreface.call("POST", RECOGNISE, params={"status": "true"}, files=file(jpeg)))
    assert set(found["plugins_versions"]) == {"detector", "calculator"}
    assert set(found["result"][0]) == {"box", "execution_time", "subjects"}


@pytest.mark.parametrize("limit", [0, 1, 3])
async def test_the_biggest_faces_come_first(compreface: Services, crowd: bytes, limit: int) -> None:
    found = ok(await compreface.call("POST", DETECT, params={"limit": limit}, files=file(crowd)))["result"]
    widths = [face["box"]["x_max"] - face["box"]["x_min"] for face in found]
    assert len(found) == (limit or 4)
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 100


async def test_the_threshold_leaves_faces_out(compreface: Services, jpeg: bytes, crowd: bytes) -> None:
    ok(await compreface.call("POST", DETECT, params={"det_prob_threshold": "0.9"}, files=file(jpeg)))
    answer = await compreface.call("POST", DETECT, params={"det_prob_threshold": 1}, files=file(crowd))
    assert refused(answer, 400, 28) == "No face is found in the given image"
    answer = await compreface.add("A", jpeg, headers={})
    ok(answer, 201)
    query = {"subject": "A", "det_prob_threshold": "1.0"}
    refused(await compreface.call("POST", "recognition/faces", params=query, files=file(jpeg)), 400, 28)


async def test_who_is_most_alike_comes_first(compreface: Services, jpeg: bytes, astronaut: NDArray[np.uint8]) -> None:
    smaller = pictures.encoded(Image.fromarray(astronaut).resize((300, 300)), "JPEG")
    for name, image in (("Other", smaller), ("Same", jpeg), ("Same", smaller)):
        ok(await compreface.add(name, image), 201)
    query = {"prediction_count": 5}
    [face] = ok(await compreface.call("POST", RECOGNISE, params=query, files=file(jpeg)))["result"]
    assert [each["subject"] for each in face["subjects"]] == ["Same", "Other"]
    first, second = (each["similarity"] for each in face["subjects"])
    assert 1 == first > second > 0.9
    assert round(second, 5) == second
    [face] = ok(await compreface.call("POST", RECOGNISE, files=file(jpeg)))["result"]
    assert [each["subject"] for each in face["subjects"]] == ["Same"]


async def test_a_face_is_compared_with_an_example(compreface: Services, jpeg: bytes, crowd: bytes) -> None:
    example = ok(await compreface.add("Eileen", jpeg), 201)["image_id"]
    path = f"recognition/faces/{example}/verify"
    found = ok(await compreface.call("POST", path, files=file(crowd), params={"limit": 2}))
    assert len(found["result"]) == 2
    assert all(face["similarity"] > 0.9 and face["subject"] == "Eileen" for face in found["result"])
    assert (
        ok(await compreface.call("POST", f"{path}/", json={"file": base64_text(jpeg)}))["result"][0]["similarity"] == 1
    )


async def test_two_images_are_compared(compreface: Services, jpeg: bytes, crowd: bytes, nobody: bytes) -> None:
    found = ok(await compreface.call("POST", VERIFY, files=pair(jpeg, crowd), params={"status": "true"}))
    [verified] = found["result"]
    assert set(found) == {"result"}
    assert set(verified) == {"source_image_face", "face_matches", "plugins_versions"}
    assert len(verified["face_matches"]) == 4
    assert verified["face_matches"][0]["execution_time"] != verified["source_image_face"]["execution_time"]
    message = refused(await compreface.call("POST", VERIFY, files=pair(crowd, jpeg)), 400, 31)
    assert message == "More than one face in the source image"
    one = await compreface.call("POST", VERIFY, files=pair(crowd, jpeg), params={"limit": 1})
    assert len(ok(one)["result"][0]["face_matches"]) == 1  # the limit holds for both images, as it does there
    refused(await compreface.call("POST", VERIFY, files=pair(jpeg, nobody)), 400, 28)
    refused(await compreface.call("POST", VERIFY, files=pair(nobody, jpeg)), 400, 28)


async def test_an_image_may_be_the_face_itself(
    compreface: Services, astronaut: NDArray[np.uint8], nobody: bytes
) -> None:
    image = Image.fromarray(astronaut)
    ok(await compreface.add("Eileen", pictures.encoded(image)), 201)
    crop = pictures.encoded(image.crop((172, 58, 280, 166)).resize((112, 112)))  # as crops for recognition are cut
    query: dict[str, Any] = {"detect_faces": "false", "face_plugins": ALL}
    [face] = ok(await compreface.call("POST", RECOGNISE, params=query, files=file(crop)))["result"]
    assert face["box"] == {"probability": 1.0, "x_max": 112, "y_max": 112, "x_min": 0, "y_min": 0}
    assert face["subjects"][0]["subject"] == "Eileen"
    assert face["subjects"][0]["similarity"] > 0.5
    assert set(face) == {"box", "age", "gender", "mask", "embedding", "subjects"}  # nobody saw points and pose
    [face] = ok(await compreface.call("POST", RECOGNISE, params=query, files=file(nobody)))["result"]
    assert face["subjects"][0]["similarity"] < 0.5
    ok(await compreface.call("POST", DETECT, params=query, files=file(crop)))  # where it means nothing


QUERIES = st.fixed_dictionaries(
    {
        "limit": st.integers(0, 5),
        "det_prob_threshold": st.sampled_from(["", "0.5", ".7", "9e-1"]),
        "face_plugins": st.sets(st.sampled_from([*ALL.split(","), "landmarks2d106"])).map(",".join),
    }
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=QUERIES, which=st.sampled_from(["jpeg", "crowd", "nobody"]), path=st.sampled_from([DETECT, RECOGNISE]))
async def test_multipart_and_base64_are_answered_alike(
    compreface: Services, request: pytest.FixtureRequest, query: dict[str, Any], which: str, path: str
) -> None:
    image: bytes = request.getfixturevalue(which)
    one = await compreface.call("POST", path, params=query, files=file(image))
    other = await compreface.call("POST", f"{path}/", params=query, json={"file": base64_text(image)})
    assert (one.status_code, one.json()) == (other.status_code, other.json())


async def test_half_of_similarity_parts_right_from_wrong(compreface: Services, data: Callable[[str], Path]) -> None:
    """On the first of the labelled pairs of LFW; docs/compreface.md tells of all of them."""
    folder = data("verification")
    with (folder / "labels.csv").open() as labels:
        rows = list(csv.DictReader(labels))[::25]
    right = 0
    for row in rows:
        images = [(folder / row[name]).read_bytes() for name in ("path_a", "path_b")]
        answer = await compreface.call("POST", VERIFY, files=pair(images[0], images[1]), params={"limit": 1})
        [match] = ok(answer)["result"][0]["face_matches"]
        right += (match["similarity"] >= 0.5) == (row["same"] == "1")
    assert len(rows) == 40
    assert right >= 38
