"""Carries the numbers of this process to Ray's metrics endpoint every few seconds.

All are handed over as gauges that hold the total so far, histograms as the three series that Prometheus knows them by,
``_bucket``, ``_sum`` and ``_count``. So a report that Ray's agent, one process a machine, did not take (it is busy, or
not yet up) is made good by the next one; of a counter Ray sends only what was added, and what one report loses stays
lost. Ray's histograms the agent repeats in Python, observation by observation, 9 microseconds of CPU beside the 2 of
recording each, and knows only their bucket, so that the sum it shows is a guess (``python -m bench.telemetry``).

``rate`` and ``histogram_quantile`` do not ask what a series is called: each process has its own, by Ray's tag
``WorkerId``. Ray forgets it when the process ends or is silent for twice its reporting interval of ten seconds.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import ray
from ray.util import metrics

from serving.telemetry.instruments import Histogram, Number
from serving.telemetry.metrics import METRICS
from serving.telemetry.spans import SPANS

logger = logging.getLogger("ray.serve")

_INTERVAL = 5.0  # seconds, half of Ray's, so that each of its reports has a new number


class Publisher:
    """Ray's gauges for some of our metrics."""

    def __init__(self, published: Iterable[Number | Histogram], gauge: Callable[..., Any] = metrics.Gauge) -> None:
        self._published, self._gauge = tuple(published), gauge
        self._theirs: dict[str, Any] = {}  # Ray's metric by name

    def publish(self) -> None:
        """Hands all numbers over."""
        for metric in self._published:
            for name, tags, value in metric.samples():
                if name not in self._theirs:
                    self._theirs[name] = self._gauge(name, metric.description, tuple(tags))
                self._theirs[name].set(value, tags)


def start_telemetry(traces: Path | None = None) -> None:
    """Publishes the metrics of this process, and exports spans where variables or a folder ``traces`` ask for it."""
    start_publishing()
    SPANS.start(traces)


def start_publishing() -> None:
    """Publishes from now on, in a thread of its own, where this process belongs to Ray; once is enough."""
    if ray.is_initialized() and not any(thread.name == _publish_forever.__name__ for thread in threading.enumerate()):
        threading.Thread(target=_publish_forever, name=_publish_forever.__name__, daemon=True).start()


def _publish_forever() -> None:
    """Also has the log written out: tuned for throughput, Serve keeps back up to a thousand lines for any time."""
    publisher, pause = Publisher(METRICS), threading.Event()
    while not pause.wait(_INTERVAL):
        try:
            publisher.publish()
            for handler in logger.handlers:
                handler.flush()
        except Exception:  # whatever it is, the next round may do better
            logger.exception("The metrics of this process could not be handed to Ray")
