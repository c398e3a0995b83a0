"""What happens around every request: its identity, and who may ask."""

import hmac
import re
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import Unauthorised, problem
from serving.http import failure

_IDENTITY = re.compile(r"[\x21-\x7e]{1,128}")
# Probes carry no keys; nor do browsers when they load the pages, which then ask their reader for one.
OPEN = frozenset({"/", "/docs", "/health", "/openapi.json", "/ready"})
_OPEN_FOLDER = "/static/"


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


class ApiKeys:
    """Lets a request pass that carries one of the ``keys``; all pass where there are none.

    The key stands in ``Authorization: Bearer …``, or in the headers ``TOKEN`` or ``X-API-Key``.
    """

    def __init__(self, app: ASGIApp, keys: Sequence[str]) -> None:
        self.app = app
        self._keys = [key.encode() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._keys and not self._passes(scope):
            request = Request(scope, receive)
            response = failure(request, problem(Unauthorised("A valid API key is required")))
            await response(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _passes(self, scope: Scope) -> bool:
        if scope["path"] in OPEN or scope["path"].startswith(_OPEN_FOLDER):
            return True
        headers = Headers(scope=scope)
        bearer = headers.get("authorization", "")
        given = [headers.get("token", ""), headers.get("x-api-key", "")]
        if bearer.lower().startswith("bearer "):
            given.append(bearer[7:].strip())
        return any(hmac.compare_digest(each.encode(), key) for each in given if each for key in self._keys)
