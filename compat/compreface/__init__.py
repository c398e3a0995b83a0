"""The CompreFace interface."""

from starlette.applications import Starlette
from starlette.types import ASGIApp

from serving.people import People


class CompreFace:
    """The façade."""

    name = "compreface"
    prefixes: tuple[str, ...] = ()

    def __init__(self, people: People) -> None:
        self.people = people
        self.app: ASGIApp = Starlette()
