"""Errors as SmartFace tells them: problem details (RFC 9457) with its own status codes."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from graph import PlanError
from schemas import BadDocument, BadImage, Fault
from schemas.wire import JSON, encode_body
from serving.engine.context import Timings
from serving.http.errors import Problem, problem, unwrapped

SLASH = "\0"  # what stands in paths for a slash within an id, see ``app.Paths``; no id contains it
_PROBLEM = "application/problem+json"


class Invalid(Fault):
    """``Invalid(errors)``: a body or a query is not as the interface wants it; what is wrong by field."""

    @property
    def errors(self) -> Mapping[str, Sequence[str]]:
        errors: Mapping[str, Sequence[str]] = self.args[0]
        return errors

    @property
    def message(self) -> str:
        return "; ".join(f"{name}: {said}" if name else said for name, all_ in self.errors.items() for said in all_)


class NoFace(BadImage):
    """No face of the size and confidence that were asked for is in the image."""


class Unsuitable(Fault):
    """A face was found but may not be used; the message says why."""


# What differs from serving.http.errors.STATUS: the interface documents 400 for all that is wrong with a request.
_STATUS: Mapping[type[BaseException], HTTPStatus] = {
    BadDocument: HTTPStatus.BAD_REQUEST,
    Unsuitable: HTTPStatus.UNPROCESSABLE_ENTITY,
    PlanError: HTTPStatus.SERVICE_UNAVAILABLE,  # a service that the route needs does not run here
    TimeoutError: HTTPStatus.REQUEST_TIMEOUT,
}


def failure(request: Request, error: Exception, timings: Timings | None = None) -> Response:
    """The response that tells of an error."""
    cause = unwrapped(error)
    found = problem(error)
    status = next((_STATUS[base] for base in type(cause).__mro__ if base in _STATUS), found.status)
    request.state.kind = found.kind
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": _detail(cause, found),
        "instance": sent_path(request),
    }
    if isinstance(cause, Invalid):
        content["errors"] = cause.errors
    headers = found.headers | ({"Server-Timing": timings.header()} if timings else {})
    return Response(encode_body(content, JSON), status, media_type=_media_type(request), headers=headers)


def sent_path(request: Request) -> str:
    """The path of a request as it was sent."""
    return quote(request.scope["path"]).replace(quote(SLASH), "%2F")


async def told(request: Request, error: Exception) -> Response:
    """The response for an unknown route or method."""
    return failure(request, error)


def _detail(cause: BaseException, found: Problem) -> str:
    match cause:
        case HTTPException(status_code=404):
            return "There is no such route"
        case HTTPException(status_code=405):
            return f"The route takes {found.headers.get('Allow', 'other methods')}"
        case BadDocument():
            where = ".".join(map(str, cause.where))
            return f"{where}: {cause.message}" if where else cause.message
        case Fault():
            return cause.message
        case PlanError():
            return f"This server cannot answer: {cause}"
        case _:
            return str(found.detail)


def _media_type(request: Request) -> str:
    """``application/json``, as the interface's document says, unless the client accepts problem details by name."""
    return _PROBLEM if _PROBLEM in request.headers.get("accept", "").lower() else JSON
