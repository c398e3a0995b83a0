"""The admin API: keys and collections, for who holds a key with the scope ``admin``; on loopback, too.

GET    /admin/keys                          the keys that are not revoked
POST   /admin/keys                          a new key, told this once
DELETE /admin/keys/{id}                     revokes it
GET    /admin/applications                  CompreFace's hierarchy: applications and their services
GET    /admin/collections/{kind}            all of a kind: recognition or watchlist
POST   /admin/collections/{kind}            a new collection
GET    /admin/collections/{kind}/{key}      one, with how many faces it holds
PUT    /admin/collections/{kind}/{key}      its name and its quality gate
DELETE /admin/collections/{kind}/{key}      with the keys that open it, and all members of a recognition collection
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from schemas import BadDocument
from serving.engine.context import Context, Timings
from serving.http.admission import Body
from serving.http.bodies import failure, options, payload
from serving.http.errors import UnknownService, problem
from serving.http.lifecycle import visit
from serving.identity.gate import Gate
from serving.identity.keys import KINDS, RECOGNITION, BadKey, KeyRequest, Name, made, space_of
from serving.identity.people import ADMIN, People
from store import Collection, Key, NotFound, Transaction, collections, faces, keys, members

M = TypeVar("M", bound=BaseModel)
Work = Callable[[Transaction, Request, Any], Awaitable[Response]]


class CollectionRequest(BaseModel):
    """A collection as an operator wants it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    key: Name | None = Field(default=None, description="Its identity; made where there is none")
    gate: Gate | None = Field(
        default=None, description="What is asked of faces that are enrolled; by default nothing, or what was before"
    )


def routes(people: People) -> list[Route]:
    """The routes of the admin API."""

    def at(path: str, method: str, work: Work) -> list[Route]:
        endpoint = _guarded(people, work, has_body=method in {"POST", "PUT"})
        return [Route(f"/admin/{path}{end}", endpoint, methods=[method]) for end in ("", "/")]

    return [
        *at("keys", "GET", _keys),
        *at("keys", "POST", _add_key),
        *at("keys/{id}", "DELETE", _revoke_key),
        *at("applications", "GET", _applications),
        *at("collections/{kind}", "GET", _collections),
        *at("collections/{kind}", "POST", _add_collection),
        *at("collections/{kind}/{key:path}", "GET", _collection),
        *at("collections/{kind}/{key:path}", "PUT", _change_collection),
        *at("collections/{kind}/{key:path}", "DELETE", _remove_collection),
    ]


def _guarded(people: People, work: Work, *, has_body: bool) -> Callable[[Request], Awaitable[Response]]:
    async def read(request: Request, body: Body) -> Any:
        await people.check_key(request, ADMIN, always=True)
        return await payload(request, people.settings, body) if has_body else None

    async def endpoint(request: Request) -> Response:
        async def answered(_: Context, carried: Any, __: Body) -> Response:
            async with people.store.begin() as transaction:
                return await work(transaction, request, carried)

        return await visit(people.engine, request, options, read, answered, _failed)

    return endpoint


def _failed(request: Request, error: Exception, timings: Timings) -> Response:
    if isinstance(error, BadKey):
        error = BadDocument(str(error), ("collection",), "value_error")
    return failure(request, problem(error), timings)


def _of(model: type[M], raw: Any) -> M:
    """The body as a model; raises ``BadDocument`` that names the first member that is wrong."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadDocument(first["msg"], tuple(first["loc"]), first["type"]) from None


async def _keys(transaction: Transaction, _: Request, __: Any) -> Response:
    named = await _names(transaction)
    return JSONResponse({"keys": [_key(each, named) for each in await keys.list_keys(transaction)]})


async def _add_key(transaction: Transaction, _: Request, raw: Any) -> Response:
    secret, found = await made(transaction, _of(KeyRequest, raw))
    return JSONResponse({"key": secret, **_key(found, await _names(transaction))}, 201)


async def _revoke_key(transaction: Transaction, request: Request, _: Any) -> Response:
    raw = request.path_params["id"]
    try:
        identity = UUID(raw)
    except ValueError:
        raise NotFound(f"There is no key {raw!r:.80}") from None
    found = await keys.revoke_key(transaction, identity)
    return JSONResponse(_key(found, await _names(transaction)))


async def _applications(transaction: Transaction, _: Request, __: Any) -> Response:
    named = await _names(transaction)
    found: dict[str, list[dict[str, Any]]] = {}
    for each in await keys.list_keys(transaction):
        if each.owner is not None:
            found.setdefault(each.owner, []).append(_key(each, named))
    return JSONResponse({"applications": [{"name": name, "services": found[name]} for name in sorted(found)]})


async def _collections(transaction: Transaction, request: Request, _: Any) -> Response:
    found = await collections.find_collections(transaction, _kind(request))
    return JSONResponse({"collections": [_described(each) for each in found]})


async def _add_collection(transaction: Transaction, request: Request, raw: Any) -> Response:
    wanted = _of(CollectionRequest, raw)
    settings = {"gate": (wanted.gate or Gate()).model_dump()}
    key = wanted.key or str(uuid4())
    found = await collections.create_collection(transaction, _kind(request), key, wanted.name, settings=settings)
    return JSONResponse(_described(found), 201)


async def _collection(transaction: Transaction, request: Request, _: Any) -> Response:
    found = await collections.get_collection(transaction, _kind(request), _path_key(request))
    return JSONResponse({**_described(found), "faces": await faces.count_faces(transaction, found.number)})


async def _change_collection(transaction: Transaction, request: Request, raw: Any) -> Response:
    wanted = _of(CollectionRequest, raw)
    found = await collections.get_collection(transaction, _kind(request), _path_key(request))
    if wanted.key not in {None, found.key}:
        raise BadDocument("The key of a collection does not change", ("key",), "value_error")
    gate = wanted.gate or Gate.of(found.settings)
    settings = {**found.settings, "gate": gate.model_dump()}
    changed = await collections.update_collection(transaction, found.number, name=wanted.name, settings=settings)
    return JSONResponse(_described(changed))


async def _remove_collection(transaction: Transaction, request: Request, _: Any) -> Response:
    kind, key = _kind(request), _path_key(request)
    found = await collections.get_collection(
        transaction, kind, key, lock=True
    )  # who enrols meanwhile is removed, or refused
    gone = await members.delete_members(transaction, space_of(key)) if kind == RECOGNITION else []
    await collections.delete_collection(transaction, kind, key)
    return JSONResponse({**_described(found), "members_removed": len(gone)})


def _kind(request: Request) -> str:
    kind: str = request.path_params["kind"]
    if kind not in KINDS:
        raise UnknownService(f"There are no collections of kind {kind!r:.40}; there are {', '.join(KINDS)}")
    return kind


def _path_key(request: Request) -> str:
    """The key of a collection in the path: it may hold slashes, as those of watchlists are their clients' choice."""
    return str(request.path_params["key"]).removesuffix("/")


async def _names(transaction: Transaction) -> dict[int, str]:
    """The keys of the face collections, by their numbers."""
    return {each.number: each.key for each in await collections.find_collections(transaction, RECOGNITION)}


def _key(key: Key, named: dict[int, str]) -> dict[str, Any]:
    return {
        "id": str(key.id),
        "name": key.name,
        "scopes": list(key.scopes),
        "application": key.owner,
        "collection": None if key.collection is None else named.get(key.collection),
        "created_at": key.created_at.isoformat(),
    }


def _described(collection: Collection) -> dict[str, Any]:
    return {
        "kind": collection.kind,
        "key": collection.key,
        "name": collection.name,
        "gate": Gate.of(collection.settings).model_dump(),
        "created_at": collection.created_at.isoformat(),
    }
