"""What a process that runs a service's models tells of it."""

from collections.abc import Sequence
from typing import NamedTuple

from serving.telemetry.metrics import BATCH, MODEL_SECONDS, QUEUE, WAIT_SECONDS
from serving.telemetry.spans import SPANS


class Meter(NamedTuple):
    """The measurements of one service."""

    service: str

    def queued(self, calls: int) -> None:
        """So many calls wait now."""
        QUEUE.set(calls, self.service)

    def ran(self, items: int, seconds: float, waits: Sequence[float], callers: Sequence[str | None] = ()) -> None:
        """The models ran for so many images, objects or pairs, on behalf of callers that had waited so many seconds.

        ``callers`` are their spans as W3C's ``traceparent`` writes them, None for those that have none.
        """
        MODEL_SECONDS.observe(seconds, self.service)
        BATCH.observe(items, self.service)
        for wait in waits:
            WAIT_SECONDS.observe(wait, self.service)
        SPANS.ran(f"{self.service} models", seconds, callers)
