"""Where errors become HTTP: the one table of statuses, and the one place that unwraps Ray's errors."""

import asyncio
import logging
from http import HTTPStatus
from typing import Any, NamedTuple

from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from starlette.exceptions import HTTPException

from graph import PlanError
from models import MissingModel, ModelError
from schemas import BadDocument, BadEncoding, BadImage, Fault, TooLarge
from schemas.template import BadTemplate
from store import BadValue, Duplicate, ModelMismatch, NotFound, StoreUnavailable

logger = logging.getLogger("facet")


class BadOption(BadDocument):
    """A value in the query that an option does not take."""


class BadHeader(BadDocument):
    """A header with a value that it does not take."""


class SlowClient(TimeoutError):
    """The body of a request did not arrive in time."""


class Unauthorised(Exception):
    """The request carries no valid key."""


class Overloaded(RuntimeError):
    """More requests are in progress than may be."""


class UnknownService(LookupError):
    """There is no such service, version or graph."""


class UnsupportedMedia(ValueError):
    """The body has a content type that the route does not take."""


STATUS: dict[type[Exception], HTTPStatus] = {
    BadDocument: HTTPStatus.UNPROCESSABLE_ENTITY,
    BadEncoding: HTTPStatus.BAD_REQUEST,
    BadImage: HTTPStatus.BAD_REQUEST,
    BadTemplate: HTTPStatus.BAD_REQUEST,
    Fault: HTTPStatus.BAD_REQUEST,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    PlanError: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unauthorised: HTTPStatus.UNAUTHORIZED,
    UnknownService: HTTPStatus.NOT_FOUND,
    UnsupportedMedia: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    MissingModel: HTTPStatus.SERVICE_UNAVAILABLE,
    ModelError: HTTPStatus.SERVICE_UNAVAILABLE,
    Overloaded: HTTPStatus.SERVICE_UNAVAILABLE,
    BackPressureError: HTTPStatus.SERVICE_UNAVAILABLE,
    DeploymentUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    RayActorError: HTTPStatus.SERVICE_UNAVAILABLE,
    BadValue: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFound: HTTPStatus.NOT_FOUND,
    Duplicate: HTTPStatus.CONFLICT,
    ModelMismatch: HTTPStatus.CONFLICT,
    StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    SlowClient: HTTPStatus.REQUEST_TIMEOUT,
    TimeoutError: HTTPStatus.GATEWAY_TIMEOUT,
}
_PARTS: dict[type[Exception], str] = {BadOption: "query", BadHeader: "header"}  # of a request, where not its body
_BUSY = (Overloaded, BackPressureError, DeploymentUnavailableError, RayActorError, StoreUnavailable)


class Problem(NamedTuple):
    """An error as a client sees it."""

    status: HTTPStatus
    detail: Any  # a sentence, or FastAPI's list of {"loc", "msg", "type"} for what is wrong in a document
    headers: dict[str, str]
    kind: str  # for metrics and logs


def unwrapped(error: BaseException) -> BaseException:
    """The error that was raised in a replica, without Ray's wrapping of it."""
    if isinstance(error, RayTaskError) and isinstance(error.cause, BaseException):
        return unwrapped(error.cause)
    return error


def kind(error: BaseException) -> str:
    """The name of an error in metrics and logs, one of a few: never anything of its message."""
    cause = unwrapped(error)
    if isinstance(cause, asyncio.CancelledError):
        return "Cancelled"
    if isinstance(cause, HTTPException):
        return f"HTTP{cause.status_code}"
    known = foreseen(cause)
    return "internal" if known is None else known.__name__


def foreseen(error: BaseException) -> type[Exception] | None:
    """The class of ``STATUS`` that an error is of, whose message clients are told; None where nobody foresaw it."""
    return next((base for base in type(error).__mro__ if issubclass(base, Exception) and base in STATUS), None)


def problem(error: Exception) -> Problem:
    """What to tell the client; what nobody foresaw is logged and told as no more than an internal error."""
    cause = unwrapped(error)
    if isinstance(cause, HTTPException):
        return Problem(HTTPStatus(cause.status_code), cause.detail, dict(cause.headers or {}), kind(cause))
    known = foreseen(cause)
    if known is None:
        logger.error("unforeseen error", exc_info=cause)
        return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error", {}, kind(cause))
    return Problem(STATUS[known], _detail(cause), _headers(cause), kind(cause))


def _detail(cause: BaseException) -> Any:
    match cause:
        case BadDocument():
            part = _PARTS.get(type(cause), "body")
            return [{"loc": [part, *cause.where], "msg": cause.message, "type": cause.kind}]
        case PlanError():
            return [{"loc": ["graph"], "msg": str(cause), "type": "plan_error"}]
        case BackPressureError():
            return "Too many requests are waiting; try again shortly"
        case RayError() | DeploymentUnavailableError():
            return "The service is restarting; try again shortly"
        case TimeoutError():
            arriving = isinstance(cause, SlowClient)
            return "The request took too long to arrive" if arriving else "The request took longer than it may"
        case _:
            return str(cause.args[0]) if cause.args else type(cause).__name__


def _headers(cause: BaseException) -> dict[str, str]:
    if isinstance(cause, _BUSY):
        return {"Retry-After": "1"}
    if isinstance(cause, Unauthorised):
        return {"WWW-Authenticate": "Bearer"}
    return {}
