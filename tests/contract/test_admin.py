"""Keys and collections by the admin API, and what keys open."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
import pytest
from pydantic import SecretStr

from serving.engine.engine import Engine
from serving.http.application import application
from serving.identity.people import People
from store import Store, collections, keys, members

Client = httpx.AsyncClient
SECRET = SecretStr("a-master-key")


def _client(engine: Engine, store: Store | None, secret: str = "") -> Client:
    transport = httpx.ASGITransport(application(engine, People(engine, store)), raise_app_exceptions=False)
    return Client(transport=transport, base_url="http://facet", headers={"X-API-Key": secret} if secret else {})


@pytest.fixture
async def secret(identity: Store) -> str:
    async with identity.begin() as transaction:
        made, _ = await keys.create_key(transaction, "boss", ["admin"])
    return made


@pytest.fixture
async def admin(engine: Engine, identity: Store, secret: str) -> AsyncIterator[Client]:
    async with _client(engine, identity, secret) as client:
        yield client


async def test_nobody_administers_without_a_key_of_that_scope(engine: Engine, identity: Store, admin: Client) -> None:
    other = (await admin.post("/admin/keys", json={"name": "n", "scopes": ["image"]})).json()["key"]
    for secret in ("", other, "nonsense"):
        async with _client(engine, identity, secret) as client:
            assert (await client.get("/admin/keys")).status_code == 401
            assert (await client.post("/admin/keys", json={"name": "x", "scopes": ["admin"]})).status_code == 401
    assert len((await admin.get("/admin/keys")).json()["keys"]) == 2


async def test_a_key_is_told_once_and_revoked_for_good(engine: Engine, identity: Store, admin: Client) -> None:
    made = await admin.post("/admin/keys", json={"name": "second", "scopes": ["admin"]})
    assert made.status_code == 201
    secret, key = made.json().pop("key"), made.json()["id"]
    listed = await admin.get("/admin/keys/")
    assert [each["name"] for each in listed.json()["keys"]] == ["boss", "second"]
    assert secret not in listed.text
    assert (await admin.delete(f"/admin/keys/{key}")).status_code == 200
    async with _client(engine, identity, secret) as client:
        assert (await client.get("/admin/keys")).status_code == 401
    for again in (key, "no-uuid"):
        assert (await admin.delete(f"/admin/keys/{again}")).status_code == 404


async def test_services_of_applications_each_have_a_key(admin: Client) -> None:
    for name, scope in (("who", "recognition"), ("where", "detection")):
        wanted = {"name": name, "scopes": [scope], "application": "door"}
        assert (await admin.post("/admin/keys", json=wanted)).status_code == 201
    [found] = (await admin.get("/admin/applications")).json()["applications"]
    assert found["name"] == "door"
    assert [each["name"] for each in found["services"]] == ["who", "where"]
    collections = (await admin.get("/admin/collections/recognition")).json()["collections"]
    assert [each["key"] for each in collections] == [found["services"][0]["collection"]]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"name": "n", "scopes": ["nonsense"]}, ["body", "scopes"]),
        ({"name": "", "scopes": ["image"]}, ["body", "name"]),
        ({"scopes": ["image"]}, ["body", "name"]),
        ({"name": "n", "scopes": []}, ["body", "scopes"]),
        ({"name": "n", "scopes": ["image"], "collection": "c"}, ["body", "collection"]),
        ({"name": "n", "scopes": ["image"], "more": 1}, ["body", "more"]),
        ([], ["body"]),
    ],
)
async def test_what_is_wrong_in_a_wish_is_named(admin: Client, body: object, where: list[str]) -> None:
    told = await admin.post("/admin/keys", json=body)
    assert told.status_code == 422
    assert told.json()["detail"][0]["loc"] == where


async def test_a_collection_has_a_gate_that_can_be_changed(admin: Client) -> None:
    path = "/admin/collections/watchlist"
    assert (await admin.post(path, json={"name": "VIP", "key": "vip"})).status_code == 201
    assert (await admin.post(path, json={"name": "VIP", "key": "vip"})).status_code == 409
    changed = await admin.put(f"{path}/vip", json={"name": "Guests", "gate": {"min_face_size": 80}})
    assert changed.json()["gate"]["min_face_size"] == 80
    assert (await admin.put(f"{path}/vip", json={"name": "Guests"})).json()["gate"]["min_face_size"] == 80
    found = (await admin.get(f"{path}/vip")).json()
    assert (found["name"], found["gate"], found["faces"]) == ("Guests", changed.json()["gate"], 0)
    assert (await admin.put(f"{path}/vip", json={"name": "x", "key": "y"})).status_code == 422
    assert (await admin.delete(f"{path}/vip")).status_code == 200
    assert (await admin.get(f"{path}/vip")).status_code == 404
    assert (await admin.get("/admin/collections/nonsense")).status_code == 404


@pytest.mark.parametrize("key", ["a/b", "a//b", "a b?c"])
async def test_a_collection_is_found_whatever_its_key(admin: Client, key: str) -> None:
    path = "/admin/collections/watchlist"
    assert (await admin.post(path, json={"name": "VIP", "key": key})).status_code == 201
    for end in ("", "/"):
        assert (await admin.get(f"{path}/{quote(key)}{end}")).json()["key"] == key
    assert (await admin.delete(f"{path}/{quote(key)}")).status_code == 200
    assert (await admin.get(path)).json() == {"collections": []}


async def test_who_enrols_while_a_collection_goes_goes_too(admin: Client, identity: Store) -> None:
    wanted = {"name": "n", "scopes": ["recognition"], "collection": "c"}
    assert (await admin.post("/admin/keys", json=wanted)).status_code == 201
    async with identity.begin() as transaction:
        number = (await collections.get_collection(transaction, "recognition", "c")).number
        owner = await members.get_or_create_member(transaction, "compreface/c", "p", "P")
        await members.link_members(transaction, number, [owner.number])
        removing = asyncio.create_task(admin.delete("/admin/collections/recognition/c"))
        await asyncio.wait([removing], timeout=0.5)  # it waits for the end of this transaction
    assert (await removing).json()["members_removed"] == 1
    async with identity.begin() as transaction:
        assert (await members.list_members(transaction, "compreface/c")).total == 0


async def test_where_keys_are_required_those_of_the_store_open_what_they_say(
    engine: Engine, identity: Store, admin: Client
) -> None:
    image = (await admin.post("/admin/keys", json={"name": "n", "scopes": ["image"]})).json()["key"]
    smartface = (await admin.post("/admin/keys", json={"name": "n", "scopes": ["smartface"]})).json()["key"]
    settings = engine.settings.model_copy(update={"require_key": True})
    strict = Engine(settings, engine.stages)
    for secret, status in ((image, 200), (smartface, 401), ("", 401), ("nonsense", 401)):
        async with _client(strict, identity, secret) as client:
            assert (await client.get("/version")).status_code == status
            assert (await client.get("/health")).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("[::ffff:127.0.0.1]", 200),
        ("localhost", 200),
        ("Facet.localhost:1", 200),
        ("facet:8000", 200),
        ("evil.example", 421),
        ("evil.example.:8000", 421),
        ("127.0.0.1.evil.example", 421),
        ("ours.example:443", 200),
    ],
)
async def test_a_server_without_keys_has_no_name_that_others_can_give_it(
    engine: Engine, host: str, status: int
) -> None:
    settings = engine.settings.model_copy(update={"hosts": ("ours.example",)})
    async with _client(Engine(settings, engine.stages), None) as client:
        assert (await client.get("/version", headers={"Host": host})).status_code == status
    settings = engine.settings.model_copy(update={"api_keys": (SECRET,)})
    async with _client(Engine(settings, engine.stages), None, SECRET.get_secret_value()) as client:
        assert (await client.get("/version", headers={"Host": host})).status_code == 200


async def test_without_a_database_the_admin_api_says_so(engine: Engine) -> None:
    settings = engine.settings.model_copy(update={"api_keys": (SECRET,)})
    async with _client(Engine(settings, engine.stages), None, SECRET.get_secret_value()) as client:
        told = await client.get("/admin/keys")
    assert told.status_code == 503
    assert "FACET_DATABASE_URL" in told.json()["detail"]
    assert told.headers["retry-after"] == "1"
