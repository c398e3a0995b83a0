"""Carries the numbers of this process to Ray's metrics endpoint every few seconds.

Why not record with Ray at once: its agent, one process a machine, repeats every single observation of a histogram in
Python, 9 microseconds of CPU beside the 2 of recording it, and knows only its bucket, so that the sum it shows is a
guess (``python -m bench.telemetry``). So histograms are added up here and handed over as the three series that
Prometheus knows them by, ``_bucket``, ``_sum`` and ``_count``. Ray calls them gauges, which no query notices. Gauges it
forgets when a process ends or is silent for twice its reporting interval of ten seconds; counters it keeps.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

import ray
from ray.util import metrics

from serving.telemetry.store import Histogram, Number
from serving.telemetry.table import METRICS

_INTERVAL = 5.0  # seconds, half of Ray's, so that each of its reports has a new number


class Publisher:
    """Ray's metrics for some of ours, and what was handed to them so far."""

    def __init__(
        self,
        published: Iterable[Number | Histogram],
        counter: Callable[..., Any] = metrics.Counter,
        gauge: Callable[..., Any] = metrics.Gauge,
    ) -> None:
        self._published, self._counter, self._gauge = tuple(published), counter, gauge
        self._theirs: dict[str, Any] = {}  # Ray's metric by name
        self._counted: dict[tuple[str, ...], float] = {}  # totals that were handed over, by name and tags

    def publish(self) -> None:
        """Hands all numbers over."""
        for metric in self._published:
            grows = isinstance(metric, Number) and not metric.gauge
            for name, tags, value in metric.samples():
                if grows:
                    self._count(metric, tags, value)
                else:
                    self._metric(self._gauge, name, metric.description, tags).set(value, tags)

    def _count(self, metric: Number | Histogram, tags: dict[str, str], total: float) -> None:
        key = (metric.name, *tags.values())
        grown = total - self._counted.get(key, 0.0)
        if grown > 0:  # Ray refuses to add nothing
            self._metric(self._counter, metric.name, metric.description, tags).inc(grown, tags)
            self._counted[key] = total

    def _metric(self, kind: Callable[..., Any], name: str, description: str, tags: Iterable[str]) -> Any:
        if name not in self._theirs:
            self._theirs[name] = kind(name, description, tuple(tags))
        return self._theirs[name]


def start() -> None:
    """Publishes from now on, in a thread of its own, where this process belongs to Ray; once is enough."""
    if ray.is_initialized() and not any(thread.name == _publish_forever.__name__ for thread in threading.enumerate()):
        threading.Thread(target=_publish_forever, name=_publish_forever.__name__, daemon=True).start()


def _publish_forever() -> None:
    """Also has the log written out: tuned for throughput, Serve keeps back up to a thousand lines for any time."""
    publisher, pause = Publisher(METRICS), threading.Event()
    while not pause.wait(_INTERVAL):
        publisher.publish()
        for handler in logging.getLogger("ray.serve").handlers:
            handler.flush()
