"""The SmartFace interface."""

from starlette.applications import Starlette
from starlette.types import ASGIApp

from serving.people import People


class SmartFace:
    """The façade."""

    name = "smartface"
    prefixes: tuple[str, ...] = ()

    def __init__(self, people: People) -> None:
        self.people = people
        self.app: ASGIApp = Starlette()
