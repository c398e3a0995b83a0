"""What happens around every request: its identity, and who may ask."""

import hmac
import re
import uuid
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
    """Takes the identity that the client gives in X-Request-ID (or X_REQUEST_ID), or makes one, and sends it back."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id") or headers.get("x_request_id") or ""
        identity = given if _IDENTITY.fullmatch(given) else uuid.uuid4().hex

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = identity
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
        return any(hmac.compare_digest(each.encode(), key) for each in given for key in self._keys)
