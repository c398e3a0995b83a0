"""What it costs to tell of a request: CPU time of recording it, and of handing the numbers to Ray.

``python -m bench.telemetry`` takes a minute. It records what ``face-analytics`` records for a photo of one face, here
and, for comparison, with Ray's own metrics, of which the agent, another process, does a part: its CPU time is read
before and after. It starts a Ray of its own (Linux).
"""

import logging
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from logging.handlers import MemoryHandler
from pathlib import Path

import ray
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from ray._common.formatters import JSONFormatter
from ray.util import metrics
from starlette.types import Message

from serving.cluster.telemetry import Publisher
from serving.engine.context import Timings
from serving.http.access_log import Exchange, logger
from serving.telemetry.meter import Meter
from serving.telemetry.metrics import ERRORS, IN_FLIGHT, METRICS, PIXELS, RECEIVED, REQUEST_SECONDS, REQUESTS, SENT
from serving.telemetry.spans import SPANS
from serving.telemetry.tracing import Tracing

NODES = (
    *("face-detector-face-fitter", "age-estimator", "gender-estimator", "emotion-estimator", "mask-estimator"),
    *("liveness-estimator", "quality-assessment-estimator", "template-extractor"),
)
TIMES, ROUNDS = 2000, 9
OBSERVED = 100_000  # with Ray's histogram
_REPORTED = 22.0  # seconds, in which Ray surely reported: it does every ten


def recorded() -> None:
    """What is recorded for one request."""
    timings = Timings()
    IN_FLIGHT.add(1)
    for part in ("decode", *NODES, "encode"):
        with timings.measure(part):
            pass
    PIXELS.observe(250_000)
    timings.found(NODES[0], 1)
    for node in NODES:
        Meter(node).ran(1, 0.01, [0.001], [SPANS.traceparent()])
    IN_FLIGHT.add(-1)
    REQUESTS.add(1, "graph", "image", "200")
    REQUEST_SECONDS.observe(0.05, "graph", "image")
    RECEIVED.add(40_000, "graph")
    SENT.add(3000, "graph")


class Nowhere(SpanExporter):
    """Takes spans and does nothing with them."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - the interface is OpenTelemetry's
        return SpanExportResult.SUCCESS


def traced() -> None:
    """The same with its spans."""
    with SPANS.request("graph image", {}):
        recorded()


def _logged() -> Callable[[], None]:
    """Writes the line of a request as Serve does in a replica."""
    to_file = logging.FileHandler(os.devnull)
    to_file.setFormatter(JSONFormatter())
    logger.addHandler(MemoryHandler(1000, target=to_file))
    logger.propagate = False
    logger.setLevel(logging.INFO)
    exchange = Exchange({"type": "http", "path": "/graph/v2/process/image", "headers": []}, _sent, ("graph", "image"))
    exchange.timings.spent = dict.fromkeys(NODES, 1.23)
    return lambda: exchange.log(0.05)


async def _sent(_: Message) -> None:
    """Where nobody listens."""


def microseconds(function: Callable[[], None], times: int) -> float:
    """CPU time of one call: the median of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(times):
            function()
        rounds.append((time.process_time() - start) / times * 1e6)
    return statistics.median(rounds)


def agent_seconds() -> float:
    """CPU time so far of the agents of the Ray that this process started."""
    return sum(_cpu_seconds(folder) for folder in _children(os.getpid()) if b"DashboardAgent" in _title(folder))


def _children(process: int) -> Iterator[Path]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == process:
            yield folder
            yield from _children(int(folder.name))


def _title(folder: Path) -> bytes:
    return (folder / "cmdline").read_bytes()


def _cpu_seconds(folder: Path) -> float:
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _observe_with_ray(histogram: metrics.Histogram, times: int) -> None:
    for index in range(times):
        histogram.observe(0.01, {"node": NODES[index % len(NODES)]})


def main() -> None:
    ERRORS.add(1, "graph", "Overloaded")
    print(f"recording one request: {microseconds(recorded, TIMES):.1f} us of CPU time")
    print(f"writing its line to the log: {microseconds(_logged(), TIMES):.1f} us")
    for sampler in ("always_on", "always_off"):
        os.environ["OTEL_TRACES_SAMPLER"] = sampler
        SPANS.tracing = Tracing([Nowhere()])
        print(f"recording it with its spans, {sampler}: {microseconds(traced, TIMES // 10):.0f} us")
    SPANS.tracing = None
    ray.init("local", include_dashboard=False, num_cpus=1, log_to_driver=False)
    publisher = Publisher(METRICS)
    series = sum(1 for metric in METRICS for _ in metric.samples())
    print(f"handing {series} series to Ray, every 5 s: {microseconds(publisher.publish, 3) / 1000:.2f} ms")
    theirs = metrics.Histogram("compared_seconds", "", boundaries=[0.001 * 2**n for n in range(14)], tag_keys=("node",))
    before = agent_seconds()
    time.sleep(_REPORTED)
    idle = agent_seconds() - before
    before, start = agent_seconds(), time.process_time()
    _observe_with_ray(theirs, OBSERVED)
    here = (time.process_time() - start) / OBSERVED * 1e6
    time.sleep(_REPORTED)
    there = (agent_seconds() - before - idle) / OBSERVED * 1e6
    print(f"Ray's own histogram: {here:.1f} us here and {there:.1f} us in its agent, each time it is observed")
    ray.shutdown()


if __name__ == "__main__":
    main()
