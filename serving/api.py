"""The HTTP interface: a Starlette application over an ``Engine``."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from estimators import Detector
from schemas import BadDocument, Dialect, Document
from schemas.versions import DIALECTS
from serving import graphs, process
from serving.context import Context, Timings
from serving.engine import Engine
from serving.errors import UnknownService, problem
from serving.health import readiness, version
from serving.http import answer, failure, options, payload, uploaded_image
from serving.middleware import Admission, ApiKeys, RequestId
from serving.openapi import document as openapi_document
from serving.pages import STATIC, SWAGGER, docs_page, try_page
from serving.settings import Settings

Handler = Callable[[Engine, Request, Context], Awaitable[Any]]


def application(engine: Engine) -> Starlette:
    """The application; every route is listed here."""
    settings = engine.settings
    routes = [
        Route("/", try_page),
        *_page("/docs", docs_page),
        *_page("/health", _health),
        *_page("/ready", _get(readiness)),
        *_page("/version", _get(version)),
        *_page("/openapi.json", _get(_openapi)),
        Mount("/static/swagger", StaticFiles(packages=[SWAGGER])),
        Mount("/static", StaticFiles(directory=STATIC)),
        *_page("/graph", _get(_graph_list)),
        *_page("/graph/{name}", _get(_graph)),
        *_post("/graph", "sample", _graph_sample, engine),
        *_post("/graph", "image", _graph_image, engine),
        *_post("/{service}", "sample", _sample, engine),
        *_post("/{service}", "image", _image, engine),
    ]
    middleware = [
        Middleware(RequestId),
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["X-Request-ID", "Server-Timing"],
        ),
        Middleware(Admission, most=settings.max_requests),
        Middleware(ApiKeys, keys=[key.get_secret_value() for key in settings.api_keys]),
    ]
    app = Starlette(routes=routes, middleware=middleware, exception_handlers={404: _told, 405: _told})
    app.router.redirect_slashes = False
    app.state.engine = engine
    return app


async def _told(request: Request, error: Exception) -> Response:
    return failure(request, problem(error))


def _page(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> list[Route]:
    return [Route(path, endpoint), Route(f"{path}/", endpoint)]


def _post(prefix: str, kind: str, handler: Handler, engine: Engine) -> list[Route]:
    """The routes of one operation: with a version, without one (as v1), and each with a slash at the end."""
    endpoint = _answering(handler, engine.settings)
    paths = [f"{prefix}/{{version}}/process/{kind}", f"{prefix}/process/{kind}"]
    return [Route(path + end, endpoint, methods=["POST"]) for path in paths for end in ("", "/")]


def _answering(handler: Handler, settings: Settings) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint around a handler: options, time limit, and errors as answers."""

    async def endpoint(request: Request) -> Response:
        timings = Timings()
        try:
            context = Context(options(request), timings)
            async with asyncio.timeout(settings.request_timeout):
                content = await handler(request.app.state.engine, request, context)
                return await answer(content, context)
        except Exception as error:  # noqa: BLE001 - the one place where errors become responses
            return failure(request, problem(error), timings)

    return endpoint


def _get(handler: Callable[[Engine, Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request.app.state.engine, request)
        except Exception as error:  # noqa: BLE001 - as above
            return failure(request, problem(error))

    return endpoint


def _dialect(request: Request) -> Dialect:
    name = request.path_params.get("version", "v1")
    if name not in DIALECTS:
        raise UnknownService(f"There is no version {name!r:.40}; there are {', '.join(DIALECTS)}")
    return DIALECTS[name]


async def _sample(engine: Engine, request: Request, context: Context) -> Any:
    service, dialect = request.path_params["service"], _dialect(request)
    engine.kind(service)
    body = await payload(request, engine.settings)
    document = Document.of(body, dialect, engine.settings.max_objects)
    return await process.sample(engine, service, document, context)


async def _image(engine: Engine, request: Request, context: Context) -> Any:
    service, dialect = request.path_params["service"], _dialect(request)
    if not issubclass(engine.kind(service), Detector):
        raise UnknownService(f"{service} needs the attributes of objects: use process/sample")
    document = Document.holding(await uploaded_image(request, engine.settings), dialect)
    return await process.sample(engine, service, document, context)


async def _graph_sample(engine: Engine, request: Request, context: Context) -> Any:
    dialect = _dialect(request)
    body = await payload(request, engine.settings)
    asked = body.get("graph") if isinstance(body, dict) else None
    graph = graphs.wanted(engine, request.query_params, asked)
    if isinstance(body, dict) and "samples" in body:
        return await graphs.batch(engine, graph, dialect, body, context) | context.beside()
    if graph.compares:
        raise BadDocument("Field required: a comparison takes two samples", ("samples",), "missing")
    document = Document.of(body, dialect, engine.settings.max_objects)
    return await graphs.answered(engine, graph, document, context) | context.beside()


async def _graph_image(engine: Engine, request: Request, context: Context) -> Any:
    dialect = _dialect(request)
    graph = graphs.wanted(engine, request.query_params, None)
    if graph.compares:
        raise BadDocument("A comparison takes two samples: use process/sample", ("samples",), "missing")
    document = Document.holding(await uploaded_image(request, engine.settings), dialect)
    return await graphs.answered(engine, graph, document, context) | context.beside()


async def _graph_list(engine: Engine, _: Request) -> Response:
    return JSONResponse({"graphs": graphs.offered(engine), "outputs": engine.planner.outputs()})


async def _graph(engine: Engine, request: Request) -> Response:
    found = graphs.description(engine, request.path_params["name"])
    if request.query_params.get("format") == "mermaid":
        return PlainTextResponse(found["mermaid"])
    return JSONResponse(found)


async def _openapi(engine: Engine, _: Request) -> Response:
    return JSONResponse(openapi_document(engine))


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})
