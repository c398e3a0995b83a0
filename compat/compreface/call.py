"""The way of one call: its service by its key, its query and body, the work, and the answer or the error."""

from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from compat.compreface.answers import Style
from compat.compreface.errors import told
from schemas.wire import JSON
from serving.engine.context import Context, Options, Timings
from serving.http.admission import Body
from serving.http.errors import kind
from serving.http.lifecycle import visit
from serving.identity.people import People

S = TypeVar("S")
T = TypeVar("T")


class Call(NamedTuple, Generic[S]):
    """A request to a service."""

    people: People
    request: Request
    service: S  # what its key opens: a face collection, or nothing

    @property
    def style(self) -> Style:
        return Style(self.people.settings.compreface_answers)


Opener = Callable[[People, Request], Awaitable[S]]  # finds the service, or refuses
Reader = Callable[[Call[S], Body], Awaitable[T]]  # reads query and body
Worker = Callable[[Call[S], Context, T], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def endpoint(people: People, opened: Opener[S], read: Reader[S, T], work: Worker[S, T]) -> Endpoint:
    """The endpoint that opens a service, reads what its request carries and does the work."""

    async def answer(request: Request) -> Response:
        async def carried(request: Request, body: Body) -> tuple[Call[S], T]:
            call = Call(people, request, await opened(people, request))
            return call, await read(call, body)

        async def done(context: Context, carried: tuple[Call[S], T], _: Body) -> Response:
            call, value = carried
            return await work(call, context, value)

        return await visit(people.engine, request, _options, carried, done, _failed)

    return answer


async def nothing(_: Call[S], __: Body) -> None:
    """Reads nothing."""


def failure(request: Request, error: Exception) -> Response:
    """The answer that tells of an error."""
    found = told(error)
    request.state.kind = kind(error)
    return JSONResponse(found.body, found.status, headers=found.headers)


def _failed(request: Request, error: Exception, _: Timings) -> Response:
    return failure(request, error)


def _options(_: Request) -> Options:
    return Options(JSON)
