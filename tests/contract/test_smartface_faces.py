"""SmartFace's interface in this process: what is said of faces, spoof checks, verification, search by template."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.attributes import TEMPLATE
from schemas.template import decode, encode
from serving.engine.context import Context, Options
from serving.identity.people import People
from tests.contract.smartface import LISTS, MEMBERS, register, search, text, watchlist
from tests.pictures import encoded, nobody

FACES, IMAGES = "/api/v1/Faces", "/api/v1/Images"
EVERYTHING = ("age", "gender", "faceMask", "noseTip", "yawAngle", "pitchAngle", "rollAngle", "sharpness")
ANY_SIZE = {"minFaceSize": 1}
DISTANT, NEARBY = "liveness_distant_cpu_remote", "liveness_nearby_gpu_remote"


@pytest.fixture
def empty(astronaut: NDArray[np.uint8]) -> str:
    """An image without a face in base64."""
    return text(encoded(nobody(astronaut)))


@pytest.fixture
async def template(people: People, jpeg: bytes) -> bytes:
    async with people.look(jpeg, ["template"], Context(Options("application/json"))) as sight:
        found: bytes = sight.faces[0][TEMPLATE]
        return found


async def seen(smartface: httpx.AsyncClient, image: str, **fields: Any) -> list[Any]:
    """What a search says of the faces of an image."""
    found = await smartface.post(f"{LISTS}/Search", json={"image": {"data": image}} | fields)
    assert found.status_code == 200, found.text
    faces: list[Any] = found.json()
    return faces


async def test_faces_are_told_from_the_largest_on(smartface: httpx.AsyncClient, four: str) -> None:
    faces = await seen(smartface, four, faceDetectorConfig=ANY_SIZE)
    assert [face["faceOrder"] for face in faces] == [1, 2, 3, 4]
    sizes = [face["faceSize"] for face in faces]
    assert sizes == sorted(sizes, reverse=True)
    for face in faces:
        assert face["cropLeftTopX"] < face["leftEyeX"] < face["rightEyeX"] < face["cropRightBottomX"]
        assert face["cropLeftTopY"] < face["leftEyeY"] < face["cropLeftBottomY"]
        assert face["cropLeftTopX"] == face["cropLeftBottomX"]
        assert face["cropRightTopY"] == face["cropLeftTopY"]
        assert 0 < face["faceArea"] < 1
        assert 450 <= face["quality"] <= 10_000
        assert 0 < face["templateQuality"] <= 100


async def test_the_detector_is_configured(smartface: httpx.AsyncClient, four: str) -> None:
    sizes = [face["faceSize"] for face in await seen(smartface, four, faceDetectorConfig=ANY_SIZE)]
    between = {"minFaceSize": int(sizes[2]), "maxFaceSize": int(sizes[1]) + 1}
    assert [face["faceSize"] for face in await seen(smartface, four, faceDetectorConfig=between)] == sizes[1:3]
    assert [
        face["faceSize"] for face in await seen(smartface, four, faceDetectorConfig=ANY_SIZE | {"maxFaces": 2})
    ] == sizes[:2]
    sure = {"confidenceThreshold": 10_000}
    assert (
        await smartface.post(f"{LISTS}/Search", json={"image": {"data": four}, "faceDetectorConfig": sure})
    ).status_code == 400


@pytest.mark.parametrize("off", ["false", False, "False"])
async def test_features_are_hidden_where_they_are_not_wanted(
    smartface: httpx.AsyncClient, eileen: str, off: str | bool
) -> None:
    [shown] = await seen(smartface, eileen)
    [hidden] = await seen(smartface, eileen, faceFeaturesConfig=dict.fromkeys(EVERYTHING, off))
    told = {"yawAngle", "pitchAngle", "rollAngle", "sharpness", "faceMaskConfidence"}
    assert all(shown[name] is not None for name in told)
    assert all(hidden[name] is None for name in told)
    assert (shown["faceMaskStatus"], hidden["faceMaskStatus"]) == ("NoMask", "Unknown")
    assert hidden["age"] == shown["age"]  # the interface knows no null for these
    assert hidden["gender"] == shown["gender"] == "Female"
    assert [shown[name] for name in ("noseTipConfidence", "brightness", "tintedGlasses", "glassStatus")] == [None] * 4


async def test_a_mask_is_told_by_the_threshold_of_the_request(
    smartface: httpx.AsyncClient, data: Callable[[str], Path]
) -> None:
    masked = text(min((data("mask") / "images").glob("mask*")).read_bytes())
    [face, *_] = await seen(smartface, masked)
    assert face["faceMaskStatus"] == "Mask"
    assert face["faceMaskConfidence"] > 3000
    [face, *_] = await seen(smartface, masked, faceMaskConfidenceRequest={"faceMaskThreshold": 10_001})
    assert face["faceMaskStatus"] == "NoMask"


async def test_live_faces_and_prints_are_told_apart(smartface: httpx.AsyncClient, data: Callable[[str], Path]) -> None:
    for start, live in (("live", True), ("spoof", False)):
        image = text(min((data("liveness") / "images").glob(f"{start}*")).read_bytes())
        [face, *_] = await seen(smartface, image, spoofDetectorResourceIds=[DISTANT])
        check = face["spoofCheckResult"]
        assert (check["performed"], check["passed"]) == (True, live)
        assert check["distantLivenessSpoofCheck"]["performed"] is True
        assert (check["distantLivenessSpoofCheck"]["score"] >= 90) is live
        assert check["nearbyLivenessSpoofCheck"]["performed"] is False
        alone = await smartface.post(
            f"{FACES}/SpoofCheck",
            json={"image": {"data": image}, "spoofDetectorResourceIds": [DISTANT, NEARBY]},
        )
        assert alone.json()["passed"] is live
        assert alone.json()["nearbyLivenessSpoofCheck"] == alone.json()["distantLivenessSpoofCheck"]
        assert alone.json()["distantLivenessSpoofCheck"] == check["distantLivenessSpoofCheck"]


async def test_a_check_passes_from_its_threshold_on(smartface: httpx.AsyncClient, eileen: str) -> None:
    sent = {"image": {"data": eileen}}
    score = (await smartface.post(f"{FACES}/SpoofCheck", json=sent)).json()["distantLivenessSpoofCheck"]["score"]
    for least, passed in ((score, True), (score + 0.01, False)):
        config = {"distantLivenessScoreThreshold": least}
        found = await smartface.post(f"{FACES}/SpoofCheck", json=sent | {"spoofCheckConfig": config})
        assert found.json()["passed"] is passed


async def test_a_search_checks_no_liveness_unless_asked(smartface: httpx.AsyncClient, eileen: str) -> None:
    [face] = await seen(smartface, eileen)
    assert face["spoofCheckResult"]["performed"] is False
    assert face["spoofCheckResult"]["distantLivenessSpoofCheck"]["notPerformedReasons"][0]["reasonMessage"]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (f"{LISTS}/Search", {"image": {"data": "%"}}),
        (f"{LISTS}/Search", {"image": {"data": ""}}),
        (f"{LISTS}/Search", {"image": {"data": "aGVsbG8="}}),
        (f"{LISTS}/Search", {"image": {}}),
        (f"{LISTS}/Search", {"maxResultCount": 0}),
        (f"{LISTS}/Search", {"threshold": None}),
        (f"{LISTS}/Search", {"spoofDetectorResourceIds": ["liveness_of_the_party"]}),
        (
            f"{LISTS}/Search",
            {"spoofDetectorResourceIds": [DISTANT], "spoofCheckConfig": {"distantLivenessConditions": "yawAngle > 3"}},
        ),
        (f"{LISTS}/Search", {"faceFeaturesConfig": {"age": "perhaps"}}),
        (f"{FACES}/SpoofCheck", {"image": {"data": "aGVsbG8="}}),
        (f"{LISTS}/SearchByTemplate", {"template": "%"}),
        (f"{LISTS}/SearchByTemplate", {"template": "aGVsbG8="}),
    ],
)
async def test_bad_requests_are_refused(
    smartface: httpx.AsyncClient, eileen: str, path: str, fields: dict[str, Any]
) -> None:
    refused = await smartface.post(path, json={"image": {"data": eileen}} | fields)
    assert refused.status_code == 400


async def test_an_image_without_a_face_is_a_bad_request(smartface: httpx.AsyncClient, empty: str, eileen: str) -> None:
    where = await watchlist(smartface)
    both = {"probeImage": {"image": {"data": eileen}}, "referenceImage": {"image": {"data": empty}}}
    answers = [
        await smartface.post(f"{LISTS}/Search", json={"image": {"data": empty}}),
        await smartface.post(f"{FACES}/SpoofCheck", json={"image": {"data": empty}}),
        await smartface.post(f"{FACES}/Verify", json=both),
        await register(smartface, empty, where, id="nobody"),
    ]
    assert [answer.status_code for answer in answers] == [400] * 4
    assert {answer.json()["detail"] for answer in answers} == {"No face detected"}
    assert (await smartface.get(f"{MEMBERS}/nobody")).status_code == 404


async def test_two_images_of_one_person_are_alike(smartface: httpx.AsyncClient, data: Callable[[str], Path]) -> None:
    folder = data("verification") / "images"
    one, same, other = (
        {"image": {"data": text((folder / f"{name}.jpg").read_bytes())}}
        for name in ("Abdullah_Gul_0001", "Abdullah_Gul_0006", "Hugo_Chavez_0027")
    )
    alike = await smartface.post(f"{FACES}/Verify", json={"probeImage": one, "referenceImage": same})
    strange = await smartface.post(f"{FACES}/Verify", json={"probeImage": one, "referenceImage": other})
    assert alike.json()["confidence"] > 40
    assert strange.json()["confidence"] < 20
    assert alike.json()["probeFaceDetails"] == strange.json()["probeFaceDetails"]


async def test_a_template_is_searched(smartface: httpx.AsyncClient, eileen: str, template: bytes) -> None:
    where = await watchlist(smartface)
    await register(smartface, eileen, where, id="eileen")
    sent = {"template": text(template), "watchlistIds": [where], "threshold": 40}
    found = await smartface.post(f"{LISTS}/SearchByTemplate", json=sent)
    assert found.json()["matchResults"] == await search(smartface, eileen)
    foreign = encode(decode(template)._replace(model="another"))
    refused = await smartface.post(f"{LISTS}/SearchByTemplate", json=sent | {"template": text(foreign)})
    assert refused.status_code == 400
    assert "another version 1" in refused.json()["detail"]
    missing = await smartface.post(f"{LISTS}/SearchByTemplate", json=sent | {"watchlistIds": ["gone"]})
    assert missing.status_code == 404


async def test_the_best_come_first_and_no_more_than_asked_for(
    smartface: httpx.AsyncClient, data: Callable[[str], Path]
) -> None:
    folder = data("verification") / "images"
    where = await watchlist(smartface)
    names = ("Abdullah_Gul_0006", "Hugo_Chavez_0027", "Carlos_Menem_0002", "Muhammad_Ali_0003")
    for name in names:
        made = await register(smartface, text((folder / f"{name}.jpg").read_bytes()), where, id=name)
        assert made.status_code == 201
    probe = text((folder / "Abdullah_Gul_0001.jpg").read_bytes())
    everybody = await search(smartface, probe, threshold=-1, maxResultCount=10)
    scores = [each["score"] for each in everybody]
    assert len(everybody) == len(names)
    assert scores == sorted(scores, reverse=True)
    assert everybody[0]["watchlistMemberId"] == names[0]
    assert await search(smartface, probe, threshold=-1, maxResultCount=2) == everybody[:2]
    assert await search(smartface, probe, threshold=-1) == everybody[:1]


async def test_many_searches_at_once_agree(smartface: httpx.AsyncClient, eileen: str) -> None:
    where = await watchlist(smartface)
    await register(smartface, eileen, where, id="eileen")
    found = await asyncio.gather(*(search(smartface, eileen) for _ in range(8)))
    assert all(each == found[0] for each in found)
