"""The way of a request through a gateway: its body arrives, it is admitted, it is worked at, all in the time it has."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from serving.engine.context import Context, Options, Timings
from serving.engine.engine import Engine
from serving.http.admission import Body
from serving.http.errors import SlowClient

T = TypeVar("T")
_GONE = 499  # what logs and metrics call a client that left first


async def visit(  # noqa: PLR0913, PLR0917 - each is its own thing
    engine: Engine,
    request: Request,
    options: Callable[[Request], Options],
    read: Callable[[Request, Body], Awaitable[T]],
    work: Callable[[Context, T, Body], Awaitable[Response]],
    fail: Callable[[Request, Exception, Timings], Response],
) -> Response:
    """The answer of ``work`` to what ``read`` gives, or of ``fail`` to whatever any of them raises.

    Reading the body is bounded by ``body_timeout`` and ``max_bytes_in_flight``, working by ``max_requests``, and the
    whole by the shorter of ``request_timeout`` and what the options say.
    """
    timings: Timings = request.state.timings
    try:
        chosen = options(request)
        asked = inf if chosen.seconds is None else chosen.seconds
        seconds = min(asked, engine.settings.request_timeout)
        context = Context(chosen, timings, time.monotonic() + seconds)
        async with asyncio.timeout(seconds):
            with engine.arrivals.body() as body:
                carried = await _arrived(read(request, body), engine.settings.body_timeout)
                with engine.admission.entered():
                    return await work(context, carried, body)
    except ClientDisconnect:  # while its request arrived: nobody is left to tell
        return Response(status_code=_GONE)
    except Exception as error:  # noqa: BLE001 - the one place where errors become responses
        return fail(request, error, timings)


async def _arrived(reading: Awaitable[T], seconds: float) -> T:
    """What a reader gives; raises ``SlowClient`` where the body does not arrive in time."""
    try:
        async with asyncio.timeout(seconds):
            return await reading
    except TimeoutError:
        raise SlowClient from None
