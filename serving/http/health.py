"""``/ready`` and ``/version``: can every service answer, and with which models."""

import asyncio
import time
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.fields import Json
from serving.cluster.stages import Status
from serving.engine.engine import Engine, Said
from serving.http.errors import UnknownService, problem
from serving.identity.people import People

_PATIENCE = 3.0  # seconds for a replica to say how it is
_MEMORY = 60.0  # seconds for which what it said last still counts, where it is too busy to say it again


def product_version() -> str:
    """The version of Facet, also where it runs from a checkout that was never installed."""
    try:
        return installed_version("facet")
    except PackageNotFoundError:
        return "0.1.1"


async def readiness(people: People, engine: Engine, request: Request) -> Response:
    """200 when every service, or every one in ``?services=a,b``, has a replica and its model; 503 with why not.

    How the database is, where there is one, is told beside them; services do not need it.
    """
    asked = request.query_params.get("services")
    names = list(engine.stages) if asked is None else list(dict.fromkeys(filter(None, asked.split(","))))
    for name in names:
        if name not in engine.stages:
            raise UnknownService(f"There is no service {name!r:.80}")
    asking = asyncio.gather(*(_state(engine, name) for name in names))
    database, states = await asyncio.gather(people.database_state(), asking)
    ready = all(state["ready"] for state in states)
    told = {"ready": ready, "services": dict(zip(names, states, strict=True)), "database": database}
    return JSONResponse(told, 200 if ready else 503)


async def _state(engine: Engine, name: str) -> Json:
    try:
        found = await asked_status(engine, name)
    except Exception as error:  # noqa: BLE001 - whatever keeps a service from answering is its state
        return {"ready": False, "detail": problem(error).detail}
    if found.missing is not None:
        return {"ready": False, "detail": found.missing}
    return {"ready": True, "models": list(found.models)}


async def asked_status(engine: Engine, name: str) -> Status:
    """What a service says of itself."""
    try:
        async with asyncio.timeout(_PATIENCE):
            found = await engine.stages[name].status()
    except TimeoutError:
        said = engine.said.get(name)
        if said is None or time.monotonic() - said.at > _MEMORY:
            raise
        return said.status
    engine.said[name] = Said(time.monotonic(), found)
    return found


async def version(engine: Engine, _: Request) -> Response:
    """The product, and every model in use with its licence, digest and origin."""
    store = engine.settings.store()
    found = await asyncio.gather(*(asked_status(engine, name) for name in engine.stages), return_exceptions=True)
    users: dict[str, list[str]] = {}
    for name, status in zip(engine.stages, found, strict=True):
        for model in status.models if isinstance(status, Status) else ():
            users.setdefault(model, []).append(name)
    models = {
        record.name: {
            "services": users[record.name],
            "licence": record.licence,
            "sha256": record.sha256,
            "source": record.source,
        }
        for record in store.list_installed()
        if record.name in users
    }
    return JSONResponse({"product": "Facet", "version": product_version(), "models": models})
