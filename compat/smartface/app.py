"""The SmartFace interface as an application of its own: its routes, and the way of a request through it."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from compat.smartface import enrolment, identification, images, members, requests, watchlists
from compat.smartface.calls import SPACE, Call
from compat.smartface.errors import SLASH, Invalid, failure, told
from schemas.wire import JSON
from serving.engine.context import Context, Options, Timings
from serving.http import bodies
from serving.http.admission import Body
from serving.http.errors import UnsupportedMedia
from serving.http.lifecycle import visit
from serving.identity.people import People

_JSON = re.compile(r"(application|text)/json|application/[^/;]+\+json")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ROOT = "/api/v1"


class Operation(NamedTuple):
    """What is done for a method of a route, and what its body must be, None where it takes none."""

    work: Callable[[Call[Any]], Awaitable[Response]]
    body: type[requests.Body] | None = None


OPERATIONS: Mapping[str, Mapping[str, Operation]] = {
    "/Watchlists": {
        "GET": Operation(watchlists.listed),
        "POST": Operation(watchlists.created, requests.WatchlistCreate),
        "PUT": Operation(watchlists.upserted, requests.WatchlistUpsert),
    },
    "/Watchlists/Search": {"POST": Operation(identification.searched, requests.Search)},
    "/Watchlists/SearchByTemplate": {"POST": Operation(identification.searched_by_template, requests.SearchByTemplate)},
    "/Watchlists/{id}": {"GET": Operation(watchlists.got), "DELETE": Operation(watchlists.removed)},
    "/Watchlists/{id}/WatchlistMembers": {"GET": Operation(watchlists.listed_members)},
    "/WatchlistMembers": {
        "GET": Operation(members.listed),
        "POST": Operation(members.created, requests.MemberCreate),
        "PUT": Operation(members.upserted, requests.MemberUpsert),
    },
    "/WatchlistMembers/Register": {"POST": Operation(enrolment.registered, requests.Register)},
    "/WatchlistMembers/LinkToWatchlist": {"POST": Operation(members.linked, requests.Links)},
    "/WatchlistMembers/UnlinkFromWatchlist": {"POST": Operation(members.unlinked, requests.Links)},
    "/WatchlistMembers/{id}": {"GET": Operation(members.got), "DELETE": Operation(members.removed)},
    "/WatchlistMembers/{id}/Faces": {"GET": Operation(enrolment.listed_of_member)},
    "/WatchlistMembers/{id}/AddNewFace": {"POST": Operation(enrolment.added, requests.AddNewFace)},
    "/WatchlistMembers/{id}/AddFaceFromSystem": {"POST": Operation(enrolment.linked, requests.FaceLink)},
    "/WatchlistMembers/{id}/RemoveFace": {"POST": Operation(enrolment.removed_from_member, requests.FaceLink)},
    "/Faces": {"GET": Operation(enrolment.listed)},
    "/Faces/Verify": {"POST": Operation(identification.verified, requests.Verify)},
    "/Faces/SpoofCheck": {"POST": Operation(identification.spoof_checked, requests.SpoofCheck)},
    "/Faces/{id:uuid}": {"GET": Operation(enrolment.got), "DELETE": Operation(enrolment.removed)},
    "/Images/{id:uuid}": {"GET": Operation(images.got)},
    "/Version": {"GET": Operation(images.version)},
}


class SmartFace:
    """The interface of SmartFace's Lightweight Facial Identification Service, on the services and store of Facet."""

    name = SPACE
    prefixes = tuple(f"{_ROOT}/{group}" for group in ("Watchlists", "WatchlistMembers", "Faces", "Images", "Version"))

    def __init__(self, people: People) -> None:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=people.settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["*"],
        )
        routes = [Endpoint(people, methods).route(_ROOT + path) for path, methods in OPERATIONS.items()]
        app = Starlette(routes=routes, middleware=[cors], exception_handlers={404: told, 405: told})
        app.router.redirect_slashes = False
        self.app: ASGIApp = Paths(app)


class Paths:
    """Tells a slash within an id, which is sent as %2F, from those between the parts of a path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path") or b""
        if b"%2f" in raw.lower():
            parts = raw.split(b"?")[0].decode("latin-1").split("/")
            scope = {**scope, "path": "/".join(unquote(part).replace("/", SLASH) for part in parts)}
        await self.app(scope, receive, send)


class Endpoint:
    """The operations of one route."""

    def __init__(self, people: People, methods: Mapping[str, Operation]) -> None:
        self._people, self._methods = people, methods

    def route(self, path: str) -> Route:
        """A route that is found whatever the case of its path, and with slashes at the end, as ASP.NET's are."""
        route = Route(path, self.answered, methods=list(self._methods))
        route.path_regex = re.compile(route.path_regex.pattern.removesuffix("$") + "/*$", re.IGNORECASE)
        return route

    async def answered(self, request: Request) -> Response:
        people = self._people
        operation = self._methods["GET" if request.method == "HEAD" else request.method]

        async def read(request: Request, body: Body) -> Any:
            await people.check_key(request, SPACE)
            _check_session(request)
            return None if operation.body is None else await _sent(request, operation.body, people, body)

        async def work(context: Context, sent: Any, _: Body) -> Response:
            return await operation.work(Call(people, request, context, sent))

        return await visit(people.engine, request, _options, read, work, _failed)


def _options(_: Request) -> Options:
    return Options(JSON)


def _failed(request: Request, error: Exception, timings: Timings) -> Response:
    return failure(request, error, timings)


def _check_session(request: Request) -> None:
    """Raises ``Invalid`` where the header that names a session, which is of no use here, is not a GUID."""
    session = request.headers.get("x-session-id")
    if session is not None and not _GUID.fullmatch(session):
        raise Invalid({"X-Session-Id": ["must be a GUID"]})


async def _sent(request: Request, model: type[requests.Body], people: People, body: Body) -> requests.Body:
    """The body of a request, checked."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if not media_type and request.headers.get("content-length", "0") == "0":
        raise Invalid({"": ["a body is required"]})
    if not _JSON.fullmatch(media_type):  # not to be sent by a form of any web page, either
        raise UnsupportedMedia("The body must be application/json")
    return requests.checked(model, await bodies.value(request, JSON, people.settings.max_body_bytes, body))
