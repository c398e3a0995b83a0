"""One request to the interface, as its operations take it."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from compat.smartface.errors import SLASH
from schemas.wire import JSON, encode_body
from serving.engine.context import Context
from serving.identity.people import People

SPACE = "smartface"  # of its members, and the scope of its keys
KIND = "watchlist"  # of its collections

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """``sent`` is the body, checked; None where the operation takes none."""

    people: People
    request: Request
    context: Context
    sent: T

    @property
    def id(self) -> str:
        """The id in the path."""
        return str(self.request.path_params["id"]).replace(SLASH, "/")

    @property
    def guid(self) -> UUID:
        """The same on routes that take no other."""
        found: UUID = self.request.path_params["id"]
        return found

    @property
    def images_kept(self) -> bool:
        return self.people.settings.store_images


def answer(content: Any, status: int = 200) -> Response:
    return Response(encode_body(content, JSON), status, media_type=JSON)


def nothing() -> Response:
    return Response(status_code=204)
