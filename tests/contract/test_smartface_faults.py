"""SmartFace's interface in this process: keys, limits, a database that is not there."""

import httpx

from serving.engine.engine import Engine
from serving.identity.people import People
from store import Store, keys
from tests.contract.smartface import LISTS, client

FACES = "/api/v1/Faces"


async def test_the_version_is_told(smartface: httpx.AsyncClient) -> None:
    told = (await smartface.get("/api/v1/Version")).json()
    assert told["fullVersion"].startswith("Facet ")
    assert told["databaseVersion"] == "0002"


async def test_a_request_that_takes_too_long_is_told_so(people: People, eileen: str, identity: Store) -> None:
    hasty = people.settings.model_copy(update={"request_timeout": 0.001})
    engine = Engine(hasty, people.engine.stages)
    async with client(People(engine, identity)) as smartface:
        late = await smartface.post(f"{LISTS}/Search", json={"image": {"data": eileen}})
    assert late.status_code == 408


async def test_too_large_a_body_is_refused(people: People, eileen: str, identity: Store) -> None:
    small = Engine(people.settings.model_copy(update={"max_body_bytes": 1000}), people.engine.stages)
    async with client(People(small, identity)) as smartface:
        refused = await smartface.post(f"{LISTS}/Search", json={"image": {"data": eileen}})
    assert refused.status_code == 413


async def test_without_a_database_the_interface_says_so(people: People, eileen: str) -> None:
    gone = Store("postgresql://nobody@127.0.0.1:9/none")
    async with client(People(people.engine, gone)) as smartface:
        for answer in (
            await smartface.get(LISTS),
            await smartface.post(f"{LISTS}/Search", json={"image": {"data": eileen}}),
        ):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        checked = await smartface.post(f"{FACES}/SpoofCheck", json={"image": {"data": eileen}})
        assert checked.status_code == 200
    await gone.close()


async def test_keys_are_asked_for_where_they_are_required(people: People) -> None:
    locked = People(
        Engine(people.settings.model_copy(update={"require_key": True}), people.engine.stages), people.store
    )
    async with people.store.begin() as transaction:
        secret, _ = await keys.create_key(transaction, "door", ["smartface"])
        other, _ = await keys.create_key(transaction, "page", ["image"])
    async with client(locked) as smartface:
        answers = [
            await smartface.get(LISTS, headers=headers)
            for headers in ({}, {"x-api-key": other}, {"authorization": f"Bearer {secret}"}, {"x-api-key": secret})
        ]
    assert [answer.status_code for answer in answers] == [401, 401, 200, 200]
    assert answers[0].json()["title"] == "Unauthorized"


async def test_browsers_are_told_what_they_may_do(people: People) -> None:
    settings = people.settings.model_copy(update={"cors_origins": ("https://door.example",)})
    asked = {"origin": "https://door.example", "access-control-request-method": "PUT"}
    async with client(People(Engine(settings, people.engine.stages), people.store)) as smartface:
        answer = await smartface.options(LISTS, headers=asked)
    assert "PUT" in answer.headers["access-control-allow-methods"]
