"""What the interface of another product is to a gateway: an application of its own for some paths."""

from collections.abc import Callable, Sequence
from typing import Protocol

from starlette.types import ASGIApp

from serving.people import People


class Facade(Protocol):
    """An interface of another product, on the same services and the same store."""

    @property
    def name(self) -> str:
        """Of the façade, in settings, metrics and logs."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The paths that are its own: these, and whatever begins with one of them and a slash."""

    @property
    def app(self) -> ASGIApp:
        """Answers the requests for these paths, errors among the answers; checks their keys, too."""


Maker = Callable[[People], Facade]


def owner(facades: Sequence[Facade], path: str) -> Facade | None:
    """The façade that a path belongs to, if any."""
    for facade in facades:
        for prefix in facade.prefixes:
            if path == prefix or path.startswith(f"{prefix}/"):
                return facade
    return None
