"""The HTTP interface: a Starlette application over an ``Engine``."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
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
from serving.engine import graphs
from serving.engine.context import Context, Timings
from serving.engine.engine import Engine
from serving.facade import Facade
from serving.http import admin, process
from serving.http.access_log import Observed
from serving.http.admission import Body
from serving.http.bodies import answer, failure, options, payload, uploaded_image
from serving.http.errors import UnknownService, problem
from serving.http.health import readiness, version
from serving.http.lifecycle import visit
from serving.http.middleware import ApiKeys, Facades, Hosts, RequestId
from serving.http.pages import STATIC, SWAGGER, docs_page, try_page
from serving.identity.people import People
from serving.openapi import document as openapi_document

Reader = Callable[[Engine, Request, Body], Awaitable[Any]]  # gives the value that a request carries
Handler = Callable[[Engine, Request, Context, Any], Awaitable[Any]]  # gives the answer to that value


def application(engine: Engine, people: People | None = None, facades: Sequence[Facade] = ()) -> Starlette:
    """The application: every route of the Image API is listed here, those of the façades are theirs."""
    settings = engine.settings
    people = people or People(engine, None)
    routes = [
        Route("/", try_page),
        *_page("/docs", docs_page),
        *_page("/health", _health),
        *_page("/ready", _get(partial(readiness, people))),
        *_page("/version", _get(version)),
        *_page("/openapi.json", _get(_openapi)),
        Mount("/static/swagger", StaticFiles(packages=[SWAGGER])),
        Mount("/static", StaticFiles(directory=STATIC)),
        *_page("/graph", _get(_graph_list)),
        *_page("/graph/{name}", _get(_graph)),
        *admin.routes(people),
        *_post("/graph", "sample", _graph_body, _graph_sample),
        *_post("/graph", "image", _graph_upload, _graph_image),
        *_post("/{service}", "sample", _body, _sample),
        *_post("/{service}", "image", _upload, _image),
    ]
    middleware = [
        Middleware(Observed, services=engine.stages, facades=facades, log=settings.log_requests),
        Middleware(RequestId),
        Middleware(Hosts, people=people),
        Middleware(Facades, facades=facades),
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["*"],
            expose_headers=["X-Request-ID", "Server-Timing"],
        ),
        Middleware(ApiKeys, people=people),
    ]
    app = Starlette(routes=routes, middleware=middleware, exception_handlers={404: _told, 405: _told})
    app.router.redirect_slashes = False
    app.state.engine = engine
    return app


async def _told(request: Request, error: Exception) -> Response:
    return failure(request, problem(error))


def _page(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> list[Route]:
    return [Route(path, endpoint), Route(f"{path}/", endpoint)]


def _post(prefix: str, kind: str, reader: Reader, handler: Handler) -> list[Route]:
    """The routes of one operation: with a version, without one (as v1), and each with a slash at the end."""
    endpoint = _answering(reader, handler)
    paths = [f"{prefix}/{{version}}/process/{kind}", f"{prefix}/process/{kind}"]
    return [Route(path + end, endpoint, methods=["POST"]) for path in paths for end in ("", "/")]


def _answering(reader: Reader, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint around a reader and a handler: options, time limits, admission, and errors as answers."""

    async def endpoint(request: Request) -> Response:
        engine: Engine = request.app.state.engine

        async def work(context: Context, carried: Any, body: Body) -> Response:
            return await answer(await handler(engine, request, context, carried), context, body)

        return await visit(engine, request, options, partial(reader, engine), work, _failed)

    return endpoint


def _failed(request: Request, error: Exception, timings: Timings) -> Response:
    return failure(request, problem(error), timings)


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


async def _body(engine: Engine, request: Request, body: Body) -> Any:
    engine.kind(request.path_params["service"])
    _dialect(request)
    return await payload(request, engine.settings, body)


async def _sample(engine: Engine, request: Request, context: Context, carried: Any) -> Any:
    document = Document.of(carried, _dialect(request), engine.settings.max_objects)
    return await process.sample(engine, request.path_params["service"], document, context)


async def _upload(engine: Engine, request: Request, body: Body) -> bytes:
    service = request.path_params["service"]
    if not issubclass(engine.kind(service), Detector):
        raise UnknownService(f"{service} needs the attributes of objects: use process/sample")
    return await uploaded_image(request, engine.settings, body)


async def _image(engine: Engine, request: Request, context: Context, carried: bytes) -> Any:
    document = Document.holding(carried, _dialect(request))
    return await process.sample(engine, request.path_params["service"], document, context)


async def _graph_body(engine: Engine, request: Request, body: Body) -> Any:
    return await payload(request, engine.settings, body)


async def _graph_sample(engine: Engine, request: Request, context: Context, carried: Any) -> Any:
    dialect = _dialect(request)
    asked = carried.get("graph") if isinstance(carried, dict) else None
    graph = graphs.wanted(engine, request.query_params, asked)
    if isinstance(carried, dict) and "samples" in carried:
        return await graphs.batch(engine, graph, dialect, carried, context) | context.beside()
    if graph.compares:
        raise BadDocument("Field required: a comparison takes two samples", ("samples",), "missing")
    document = Document.of(carried, dialect, engine.settings.max_objects)
    return await graphs.answered(engine, graph, document, context) | context.beside()


async def _graph_upload(engine: Engine, request: Request, body: Body) -> bytes:
    return await uploaded_image(request, engine.settings, body)


async def _graph_image(engine: Engine, request: Request, context: Context, carried: bytes) -> Any:
    graph = graphs.wanted(engine, request.query_params, None)
    if graph.compares:
        raise BadDocument("A comparison takes two samples: use process/sample", ("samples",), "missing")
    document = Document.holding(carried, _dialect(request))
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
