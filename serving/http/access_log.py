"""Counts, times, traces and, where wanted, logs every request. What clients say in it is told nowhere."""

import asyncio
import logging
import re
import time
from collections.abc import Collection, Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.engine.context import Timings
from serving.facade import Facade, owner
from serving.telemetry.metrics import ERRORS, IN_FLIGHT, RECEIVED, REQUEST_SECONDS, REQUESTS, SENT
from serving.telemetry.spans import SPANS

logger = logging.getLogger("ray.serve.facet")  # Serve writes what comes under its own logger to the replica's file

_PAGES = frozenset({"", "docs", "graph", "health", "openapi.json", "ready", "static", "version"})
_GONE = 499  # as nginx calls it: the client left before there was an answer
_LENGTH = re.compile(r"[0-9]{1,15}")  # a number that a machine may have meant
_IDENTITY = re.compile(r"[A-Za-z0-9._-]{1,64}")  # of a request, to be logged: no room for an image in it


def route(path: str, services: Collection[str]) -> tuple[str, str]:
    """The service and the operation that a path means, in words of ours only."""
    match path.strip("/").split("/"):
        case [service, "process", "sample" | "image" as operation]:
            return _known(service, services), operation
        case [service, _, "process", "sample" | "image" as operation]:
            return _known(service, services), operation
        case [page, *_] if page in _PAGES:
            return "pages", "page"
    return "unknown", "unknown"


def _known(service: str, services: Collection[str]) -> str:
    return service if service in services or service == "graph" else "unknown"


class Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, send: Send, meant: tuple[str, str]) -> None:
        self.service, self.operation = meant
        self.headers = Headers(scope=scope)
        self.status = self.sent = 0
        self.state = scope.setdefault("state", {})  # where the application leaves the kind of error that it told
        self.timings = self.state["timings"] = Timings()
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.sent += len(message.get("body", b""))
        await self._send(message)

    def failed(self, status: int, kind: str) -> None:
        """The application raised instead of answering, or did so after it began to answer."""
        self.status = self.status or status
        self.state["kind"] = kind

    @property
    def kind(self) -> str | None:
        """The kind of error, if there was one."""
        found: str | None = self.state.get("kind")
        return found

    @property
    def received(self) -> int:
        """Bytes of the request's body, as it says; 0 where it does not."""
        length = self.headers.get("content-length", "")
        return int(length) if _LENGTH.fullmatch(length) else 0

    def count(self, seconds: float) -> None:
        """Adds this request to the metrics."""
        REQUESTS.add(1, self.service, self.operation, str(self.status))
        REQUEST_SECONDS.observe(seconds, self.service, self.operation)
        RECEIVED.add(self.received, self.service)
        SENT.add(self.sent, self.service)
        if self.kind is not None:
            ERRORS.add(1, self.service, self.kind)

    def log(self, seconds: float) -> None:
        """One line about this request, with its fields beside the message."""
        milliseconds = round(seconds * 1000, 2)
        identity = self.headers.get("x-request-id") or self.headers.get("x_request_id") or ""
        fields = {
            "id": identity if _IDENTITY.fullmatch(identity) else None,
            "service": self.service,
            "operation": self.operation,
            "status": self.status,
            "error": self.kind,
            "milliseconds": milliseconds,
            "node_milliseconds": {name: round(spent, 2) for name, spent in self.timings.spent.items()},
            "objects": self.timings.objects,
            "received_bytes": self.received,
            "sent_bytes": self.sent,
        }
        said = (self.service, self.operation, self.status, milliseconds)
        logger.info("%s %s %d in %.1f ms", *said, extra=fields)


class Observed:
    """The outermost layer around the application."""

    def __init__(
        self, app: ASGIApp, services: Collection[str], *, facades: Sequence[Facade] = (), log: bool = False
    ) -> None:
        self.app = app
        self._services, self._facades, self._log = frozenset(services), facades, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        facade = owner(self._facades, scope["path"])
        meant = route(scope["path"], self._services) if facade is None else (facade.name, "call")
        exchange = Exchange(scope, send, meant)
        start = time.perf_counter()
        IN_FLIGHT.add(1)
        try:
            with SPANS.request(f"{exchange.service} {exchange.operation}", exchange.headers):
                await self._answered(scope, receive, exchange)
        finally:
            IN_FLIGHT.add(-1)
            seconds = time.perf_counter() - start
            exchange.count(seconds)
            if self._log:
                exchange.log(seconds)

    async def _answered(self, scope: Scope, receive: Receive, exchange: Exchange) -> None:
        try:
            await self.app(scope, receive, exchange.send)
        except asyncio.CancelledError:
            exchange.failed(_GONE, "Cancelled")
            raise
        except Exception:
            exchange.failed(500, "internal")
            raise
        finally:
            SPANS.note({"http.response.status_code": exchange.status})
            if exchange.status >= 500:
                SPANS.failed(exchange.kind or "internal")
