"""Who may come in: a bound on the requests at work, and on the bytes of those that are still arriving.

A request takes its place when all of it has arrived, so that a client that sends slowly keeps nobody else out. Those
for whom there is no place, or no memory, are told at once to come again.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from serving.http.errors import Overloaded


class Admission:
    """Lets in so many requests at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.inside = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Holds a place for the length of the block; raises ``Overloaded`` where there is none."""
        if self.inside >= self._most:
            raise Overloaded("Too many requests; try again shortly")
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1


class Arrivals:
    """Bounds the bytes of all bodies that are in memory."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    @contextmanager
    def body(self) -> "Iterator[Body]":
        """A body whose bytes count as long as the block lasts."""
        arriving = Body(self)
        try:
            yield arriving
        finally:
            self.held -= arriving.size

    def fits(self, size: int) -> bool:
        return self.held + size <= self._most


class Body:
    """The size of one request's body so far."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self.size = 0

    def grow(self, size: int) -> None:
        """Counts ``size`` bytes more; raises ``Overloaded`` where they do not fit beside those of other requests."""
        if not self._arrivals.fits(size):
            raise Overloaded("Too many large requests are arriving; try again shortly")
        self.size += size
        self._arrivals.held += size
