"""CompreFace's interface in this process, with a face collection and a key of a service of each kind."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from uuid import uuid4

import httpx

from compat.compreface import CompreFace
from serving.engine.engine import Engine
from serving.http.application import application
from serving.identity.people import People
from store import Collection, Store, collections, keys

KINDS = ("recognition", "detection", "verification")


class Services(NamedTuple):
    """A client, a face collection, and by kind the key of a service."""

    client: httpx.AsyncClient
    people: People
    collection: Collection
    keys: dict[str, str]

    async def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request to ``/api/v1/{path}`` with the key of the service that the path names."""
        key = self.keys.get(path.split("/", maxsplit=1)[0], "")
        headers = {"x-api-key": key} | more.pop("headers", {})
        return await self.client.request(method, f"/api/v1/{path}", headers=headers, **more)

    async def add(self, subject: str, image: bytes, **more: Any) -> httpx.Response:
        return await self.call("POST", "recognition/faces", params={"subject": subject}, files=file(image), **more)

    async def subjects(self) -> list[str]:
        return list(ok(await self.call("GET", "recognition/subjects"))["subjects"])

    async def examples(self) -> list[dict[str, str]]:
        return list(ok(await self.call("GET", "recognition/faces"))["faces"])


def file(image: bytes, name: str = "face.jpg") -> dict[str, tuple[str, bytes]]:
    return {"file": (name, image)}


def base64_text(image: bytes) -> str:
    return base64.b64encode(image).decode()


def ok(response: httpx.Response, status: int = 200) -> Any:
    """The answer to a request that is to succeed."""
    assert response.status_code == status, response.text
    return response.json()


def refused(response: httpx.Response, status: int, code: int) -> str:
    """The message of a request that is to be refused."""
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert set(body) == {"message", "code"}
    return str(body["message"])


@asynccontextmanager
async def running(engine: Engine, store: Store | None, **chosen: Any) -> AsyncIterator[Services]:
    """The interface with settings of one's own, on the services of an engine."""
    own = Engine(engine.settings.model_copy(update=chosen), engine.stages)
    people = People(own, store)
    collection, made = await services(people)
    transport = httpx.ASGITransport(application(own, people, [CompreFace(people)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://facet", timeout=60) as client:
        yield Services(client, people, collection, made)


async def services(people: People, gate: dict[str, Any] | None = None) -> tuple[Collection, dict[str, str]]:
    """A new face collection, and keys of services, that of recognition bound to it."""
    async with people.store.begin() as transaction:
        settings = {"gate": gate} if gate else {}
        made = await collections.create_collection(
            transaction, "recognition", str(uuid4()), "people", settings=settings
        )
        opening = {
            kind: (
                await keys.create_key(transaction, kind, [kind], "app", made.number if kind == "recognition" else None)
            )[0]
            for kind in KINDS
        }
    return made, opening
