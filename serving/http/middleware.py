"""What happens around every request: its identity, and who may ask."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.facade import Facade, owner
from serving.http.bodies import failure
from serving.http.errors import problem
from serving.identity.people import IMAGE, People

_IDENTITY = re.compile(r"[\x21-\x7e]{1,128}")
# Probes carry no keys; nor do browsers when they load the pages, which then ask their reader for one.
OPEN = frozenset({"/", "/docs", "/health", "/openapi.json", "/ready"})
_OPEN_FOLDER = "/static/"
_PORT = re.compile(r":[0-9]*$")
_STRANGE = "Without keys this server answers to addresses and local names alone: name others in FACET_HOSTS"


class RequestId:
    """Sends back the identity of a request that came in X_REQUEST_ID, as some clients spell it.

    X-Request-ID itself is taken, made where it is missing, and sent back by Ray Serve.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = Headers(scope=scope).get("x_request_id", "") if scope["type"] == "http" else ""
        if not _IDENTITY.fullmatch(given):
            await self.app(scope, receive, send)
            return

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X_REQUEST_ID"] = given
            await send(message)

        await self.app(scope, receive, named)


class Hosts:
    """Refuses requests to a server without keys by a name that a page of somebody else's may have given it.

    Whoever owns a domain may have its name lead to 127.0.0.1, after which browsers take this server for the page's own,
    let the page read its answers, and ask no leave (DNS rebinding). Addresses, and names without a dot, are nobody's.
    """

    def __init__(self, app: ASGIApp, people: People) -> None:
        self.app = app
        self._people = people

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._people.keys_required:
            host = _PORT.sub("", Headers(scope=scope).get("host", "")).lower().rstrip(".")
            if not _is_own(host) and host not in self._people.settings.hosts:
                error = HTTPException(HTTPStatus.MISDIRECTED_REQUEST, _STRANGE)
                await failure(Request(scope, receive), problem(error))(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _is_own(host: str) -> bool:
    """Whether no other web site can have this name."""
    if "." not in host or host.endswith(".localhost"):
        return True
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


class Facades:
    """Hands the requests for the paths of a façade to it; all others go on."""

    def __init__(self, app: ASGIApp, facades: Sequence[Facade]) -> None:
        self.app = app
        self._facades = facades

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = owner(self._facades, scope["path"]) if scope["type"] == "http" else None
        await (self.app if found is None else found.app)(scope, receive, send)


class ApiKeys:
    """Lets a request to the Image API pass that carries a key, or any where none is required."""

    def __init__(self, app: ASGIApp, people: People) -> None:
        self.app = app
        self._people = people

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._people.keys_required and not _is_open(scope["path"]):
            request = Request(scope, receive)
            try:
                await self._people.check_key(request, IMAGE)
            except Exception as error:  # noqa: BLE001 - told as a response
                await failure(request, problem(error))(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(_OPEN_FOLDER)
