"""Browsers may call from anywhere, as CompreFace's proxy lets them: a request is opened by its key alone."""

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS, PUT, DELETE",
    "Access-Control-Allow-Headers": "DNT,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,"
    "Range,x-api-key",
}
_PREFLIGHT = Response(status_code=204, headers=_HEADERS | {"Access-Control-Max-Age": "1728000"})


class Cors:
    """Answers preflights of any path, and marks all other answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await _PREFLIGHT(scope, receive, send)
        else:

            async def marked(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message).update(_HEADERS)
                await send(message)

            await self.app(scope, receive, marked)
