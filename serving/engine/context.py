"""What belongs to one request: how the answer shall look, and where its time went."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.fields import Json
from serving.cluster.coalescing import Call
from serving.http.errors import kind
from serving.telemetry.metrics import NODE_ERRORS, NODE_SECONDS, OBJECTS
from serving.telemetry.spans import SPANS


class Options(NamedTuple):
    """What the query and the headers say about the answer."""

    media_type: str  # of the answer
    echo: bool = True  # whether the image comes back
    timings: bool = False
    partial: bool = False  # whether a graph answers although some of it failed
    threshold: float | None = None  # of detection
    seconds: float | None = None  # that the request may take, where it says so


@dataclass
class Timings:
    """Milliseconds spent on each part of a request."""

    spent: dict[str, float] = field(default_factory=dict)
    start: float = field(default_factory=time.perf_counter)
    objects: int = 0  # that detectors found

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Adds what the block takes to the part ``name``, of this request and of the metrics; it is a span, too."""
        start = time.perf_counter()
        with SPANS.part(name):
            try:
                yield
            except BaseException as error:
                NODE_ERRORS.add(1, name, kind(error))
                SPANS.failed(kind(error))
                raise
            finally:
                seconds = time.perf_counter() - start
                self.spent[name] = self.spent.get(name, 0.0) + seconds * 1000
                NODE_SECONDS.observe(seconds, name)

    def found(self, detector: str, objects: int) -> None:
        """A detector found so many objects in an image."""
        self.objects += objects
        OBJECTS.observe(objects, detector)

    def so_far(self) -> dict[str, float]:
        """What was measured, and the total until now."""
        return {**self.spent, "total": (time.perf_counter() - self.start) * 1000}

    def header(self) -> str:
        """The value of a Server-Timing header."""
        return ", ".join(f"{name};dur={spent:.2f}" for name, spent in self.so_far().items())


@dataclass(frozen=True, slots=True)
class Context:
    """One request, on its way through the system."""

    options: Options
    timings: Timings = field(default_factory=Timings)
    deadline: float = math.inf  # by the monotonic clock: nobody waits for the answer any more

    def call(self) -> Call:
        """What goes along with a call to a service."""
        left = None if self.deadline == math.inf else self.deadline - time.monotonic()
        return Call(left, SPANS.traceparent())

    def beside(self) -> Json:
        """What to send beside the document."""
        return {"timings": self.timings.so_far()} if self.options.timings else {}
