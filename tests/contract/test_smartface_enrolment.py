"""SmartFace's interface in this process: enrolment with conditions, faces of members, stored images."""

from io import BytesIO
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from estimators import CATALOGUE
from serving.cluster.stages import Local
from serving.engine.context import Context, Options
from serving.engine.engine import Engine
from serving.engine.loading import Loader
from serving.identity.people import People
from serving.settings import Settings
from store import Store, collections, faces, members
from tests.contract.smartface import LISTS, MEMBERS, client, register, search, text, watchlist
from tests.pictures import encoded

FACES, IMAGES = "/api/v1/Faces", "/api/v1/Images"
ANY_SIZE = {"minFaceSize": 1}


async def seen(smartface: httpx.AsyncClient, image: str, **fields: Any) -> list[Any]:
    """What a search says of the faces of an image."""
    found = await smartface.post(f"{LISTS}/Search", json={"image": {"data": image}} | fields)
    assert found.status_code == 200, found.text
    faces: list[Any] = found.json()
    return faces


async def gated(people: People, key: str, **gate: Any) -> None:
    """Gives a watchlist a quality gate, as an operator does."""
    async with people.store.begin() as transaction:
        found = await collections.get_collection(transaction, "watchlist", key)
        await collections.update_collection_settings(transaction, found.number, gate=gate)


async def test_one_face_is_registered_of_an_image_that_shows_one(
    smartface: httpx.AsyncClient, four: str, eileen: str
) -> None:
    where = await watchlist(smartface)
    refused = await register(smartface, four, where, id="crowd", faceDetectorConfig=ANY_SIZE)
    assert refused.status_code == 422
    assert "4 faces" in refused.json()["detail"]
    images = [{"data": eileen}, {"data": four, "faceSelector": "biggestFace"}]
    made = await smartface.post(f"{MEMBERS}/Register", json={"id": "a", "images": images, "watchlistIds": [where]})
    assert made.status_code == 201
    sizes = [face["size"] for face in made.json()["faces"]]
    assert sizes[1] == max(face["faceSize"] for face in await seen(smartface, four))


@pytest.mark.parametrize(
    "fields",
    [
        {"watchlistIds": []},
        {"watchlistIds": ["gone"]},
        {"images": []},
        {"images": [{"data": ""}]},
        {"images": [{"data": "%"}]},
        {"images": [{"data": "", "faceId": "x"}]},
        {"id": "x" * 257},
        {"labels": [{"key": "k" * 129}]},
    ],
)
async def test_a_bad_registration_changes_nothing(
    smartface: httpx.AsyncClient, eileen: str, fields: dict[str, Any]
) -> None:
    where = await watchlist(smartface)
    sent = {"id": "a", "images": [{"data": eileen}], "watchlistIds": [where]} | fields
    assert (await smartface.post(f"{MEMBERS}/Register", json=sent)).status_code == 400
    assert (await smartface.get(MEMBERS)).json()["items"] == []


@pytest.mark.parametrize("selector", ["tallest", "largest"])
async def test_unknown_ways_to_choose_are_refused(smartface: httpx.AsyncClient, eileen: str, selector: str) -> None:
    where = await watchlist(smartface)
    images = [{"data": eileen, "faceSelector": selector}]
    assert (await register(smartface, eileen, where, images=images)).status_code == 400
    assert (await register(smartface, eileen, where, images=[{"data": eileen, "modality": "Palm"}])).status_code == 400


async def test_a_watchlist_keeps_out_what_its_gate_refuses(
    smartface: httpx.AsyncClient, people: People, eileen: str
) -> None:
    where, mild = await watchlist(smartface, "strict"), await watchlist(smartface, "mild")
    await gated(people, where, min_face_size=400, min_total_score=0.99)
    refused = await register(smartface, eileen, mild, where, id="eileen")
    assert refused.status_code == 422
    assert "at least 400 are wanted" in refused.json()["detail"]
    assert "quality" in refused.json()["detail"]
    assert (await smartface.get(f"{MEMBERS}/eileen")).status_code == 404
    assert (await register(smartface, eileen, mild, id="eileen")).status_code == 201
    link = {"watchlistId": where, "watchlistMembersIds": ["eileen"]}
    assert (await smartface.post(f"{MEMBERS}/LinkToWatchlist", json=link)).status_code == 204
    added = await smartface.post(f"{MEMBERS}/eileen/AddNewFace", json={"imageData": {"data": eileen}})
    assert added.status_code == 422
    sent = {"image": {"data": eileen}, "faceValidationMode": "predefined"}
    assert (await smartface.post(f"{LISTS}/Search", json=sent)).status_code == 422
    assert (await smartface.post(f"{LISTS}/Search", json=sent | {"watchlistIds": [mild]})).status_code == 200


async def test_faces_are_added_listed_and_removed(smartface: httpx.AsyncClient, eileen: str, four: str) -> None:
    where = await watchlist(smartface)
    [first] = (await register(smartface, eileen, where, id="a")).json()["faces"]
    identity = str(uuid4())
    image = {"data": four, "faceId": identity, "faceSelector": "biggestFace"}
    added = await smartface.post(f"{MEMBERS}/a/AddNewFace", json={"imageData": image})
    assert (added.status_code, added.json()["id"]) == (201, identity)
    again = await smartface.post(f"{MEMBERS}/a/AddNewFace", json={"imageData": image})
    assert again.status_code == 409
    listed = (await smartface.get(f"{MEMBERS}/a/Faces", params={"ShowTotalCount": "true", "PageSize": "1"})).json()
    assert (listed["items"], listed["totalItemsCount"]) == ([first], 2)
    assert (await smartface.get(listed["nextPage"])).json()["items"] == [added.json()]
    assert (await smartface.get(FACES)).json()["items"] == [first, added.json()]
    gone = await smartface.post(f"{MEMBERS}/a/RemoveFace", json={"faceId": identity})
    assert gone.status_code == 204
    assert (await smartface.post(f"{MEMBERS}/a/RemoveFace", json={"faceId": identity})).status_code == 404
    assert (await smartface.delete(f"{FACES}/{first['id']}")).status_code == 204
    assert (await smartface.get(FACES)).json()["items"] == []
    assert (await smartface.get(f"{MEMBERS}/a")).status_code == 200
    assert await search(smartface, eileen) == []
    for verb, sent in (("AddNewFace", {"imageData": image}), ("RemoveFace", {"faceId": identity})):
        assert (await smartface.post(f"{MEMBERS}/z/{verb}", json=sent)).status_code == 404


async def test_a_stored_face_becomes_another_members_too(smartface: httpx.AsyncClient, eileen: str) -> None:
    where = await watchlist(smartface)
    [face] = (await register(smartface, eileen, where, id="a")).json()["faces"]
    await smartface.put(MEMBERS, json={"id": "b"})
    link = {"faceId": face["id"], "faceValidationMode": "none"}
    assert (await smartface.post(f"{MEMBERS}/b/AddFaceFromSystem", json=link)).status_code == 204
    assert (await smartface.post(f"{MEMBERS}/a/AddFaceFromSystem", json=link)).status_code == 409
    link["faceId"] = str(uuid4())
    assert (await smartface.post(f"{MEMBERS}/b/AddFaceFromSystem", json=link)).status_code == 404
    [copy] = (await smartface.get(f"{MEMBERS}/b/Faces")).json()["items"]
    assert {**copy, "id": 0, "createdAt": 0, "processedAt": 0} == {**face, "id": 0, "createdAt": 0, "processedAt": 0}
    made = await register(smartface, "", where, id="c", images=[{"faceId": face["id"], "data": ""}])
    assert made.status_code == 201
    found = await search(smartface, eileen, maxResultCount=5)
    assert [each["watchlistMemberId"] for each in found] == ["a", "c"]


@pytest.fixture
def keeping(settings: Settings, identity: Store) -> People:
    """The same with images kept."""
    kept = settings.model_copy(update={"store_images": True})
    loader = Loader(kept)
    return People(Engine(kept, {name: Local(name, kept, loader) for name in CATALOGUE}), identity)


async def test_images_are_kept_where_the_operator_wants_it(keeping: People, astronaut: NDArray[np.uint8]) -> None:
    picture = text(encoded(Image.fromarray(astronaut)))  # a PNG
    async with client(keeping) as smartface:
        where = await watchlist(smartface)
        made = (await register(smartface, picture, where, id="a")).json()
        assert made["privacy"]["saveRegistrationImages"] is True
        key = made["faces"][0]["imageDataId"]
        whole = await _image(smartface, f"{IMAGES}/{key}")
        assert whole.format == "JPEG"
        width, height = whole.size
        assert (await _image(smartface, f"{IMAGES}/{key}?maxSize=64")).size == (round(64 * width / height), 64)
        assert (await _image(smartface, f"{IMAGES}/{key}?minSize=64")).size[0] == 64
        assert max((await _image(smartface, f"{IMAGES}/{key}?minSize=64&maxSize=70")).size) == 70
        assert (await _image(smartface, f"{IMAGES}/{key}?maxSize=2147483647")).size == (width, height)
        for query in ("maxSize=0", "minSize=-3", "maxSize=x"):
            assert (await smartface.get(f"{IMAGES}/{key}?{query}")).status_code == 400
        privacy = {"saveRegistrationImages": False, "saveMatchedImages": True, "includeMatchedImageInEvents": True}
        made = (await register(smartface, picture, where, id="b", privacy=privacy)).json()
        assert made["faces"][0]["imageDataId"] is None
        await smartface.delete(f"{MEMBERS}/a")
        assert (await smartface.get(f"{IMAGES}/{key}")).status_code == 404


async def test_images_of_other_interfaces_are_not_shown(keeping: People, jpeg: bytes) -> None:
    async with keeping.look(jpeg, ["template"], Context(Options("application/json"))) as sight:
        new = keeping.new_face(sight, sight.faces[0], keeping.kept_photo(sight))
    await keeping.enrol("elsewhere", "a", "A", [new], [])
    async with keeping.store.begin() as transaction:
        owner = await members.get_member(transaction, "elsewhere", "a")
        [stored] = await faces.faces_of_member(transaction, owner.number)
    async with client(keeping) as smartface:
        assert (await smartface.get(f"{IMAGES}/{stored.photo}")).status_code == 404
        assert (await smartface.get(f"{FACES}/{stored.id}")).status_code == 404


async def _image(smartface: httpx.AsyncClient, path: str) -> Image.Image:
    found = await smartface.get(path)
    assert (found.status_code, found.headers["content-type"]) == (200, "image/jpeg")
    return Image.open(BytesIO(found.content))


async def test_a_request_that_is_sent_again_enrols_once(smartface: httpx.AsyncClient, eileen: str) -> None:
    guests = await watchlist(smartface)
    for chosen in ({}, {"id": "eileen"}):
        smartface.headers["X-Facet-Request"] = str(uuid4())
        first = await register(smartface, eileen, guests, **chosen)
        again = await register(smartface, eileen, guests, **chosen)
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json() == first.json()
        path = f"{MEMBERS}/{first.json()['id']}/AddNewFace"
        smartface.headers["X-Facet-Request"] = str(uuid4())
        added = [await smartface.post(path, json={"imageData": {"data": eileen}}) for _ in range(2)]
        assert [each.status_code for each in added] == [201, 201]
        assert added[0].json() == added[1].json()
    smartface.headers["X-Facet-Request"] = str(uuid4())
    assert (await register(smartface, eileen, guests, id="eileen")).status_code == 409
    assert (await smartface.get(f"{MEMBERS}?ShowTotalCount=true")).json()["totalItemsCount"] == 2
    assert (await smartface.get(f"{FACES}?ShowTotalCount=true")).json()["totalItemsCount"] == 4
