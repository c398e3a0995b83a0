"""What the interface of another product is to a gateway: an application of its own for some paths."""

from collections.abc import Callable, Sequence
from typing import Protocol

from starlette.types import ASGIApp

from serving.identity.people import People


class Facade(Protocol):
    """An interface of another product, on the same services and the same store."""

    @property
    def name(self) -> str:
        """Of the façade, in settings, metrics and logs."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The paths that are its own, in any case: these, and whatever begins with one of them and a slash."""

    @property
    def app(self) -> ASGIApp:
        """Answers the requests for these paths, errors among the answers; checks their keys, too."""


Maker = Callable[[People], Facade]


def owner(facades: Sequence[Facade], path: str) -> Facade | None:
    """The façade that a path belongs to, if any."""
    asked = path.lower()
    for facade in facades:
        for prefix in map(str.lower, facade.prefixes):
            if asked == prefix or asked.startswith(f"{prefix}/"):
                return facade
    return None
