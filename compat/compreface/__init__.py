"""The interface of CompreFace: face collections, recognition, detection and verification by its REST API."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from compat.compreface.call import failure
from compat.compreface.cors import Cors
from compat.compreface.errors import Code, Refusal
from compat.compreface.routes import PREFIXES, authorised, routes
from serving.identity.people import People

__all__ = ["CompreFace"]


class CompreFace:
    """The façade."""

    name = "compreface"
    prefixes = PREFIXES

    def __init__(self, people: People) -> None:
        self.people = people
        app = Starlette(
            routes=routes(people),
            middleware=[Middleware(Cors)],
            exception_handlers={404: self._unknown, 405: self._unknown},
        )
        app.router.redirect_slashes = False
        self.app: ASGIApp = app

    async def _unknown(self, request: Request, error: Exception) -> Response:
        """Tells that there is nothing at a path, or nothing by this method, which CompreFace calls 404 alike."""
        try:
            await authorised(self.people, request)
        except Exception as refusal:  # noqa: BLE001 - told as a response
            return failure(request, refusal)
        is_method = isinstance(error, HTTPException) and error.status_code == 405
        message = f"Request method '{request.method}' not supported" if is_method else "No message available"
        return failure(request, Refusal(message, Code.UNDEFINED, 404))
