"""Numbers of this process: recorded, read back, and handed to Ray's metrics."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from estimators import CATALOGUE
from serving.cluster.telemetry import Publisher
from serving.engine.batching import Batcher, Batching
from serving.http.access_log import route
from serving.http.errors import STATUS, Overloaded, UnknownService, kind
from serving.telemetry.instruments import Histogram, Number, Sample
from serving.telemetry.meter import Meter
from serving.telemetry.metrics import BATCH, METRICS, MODEL_SECONDS, QUEUE, WAIT_SECONDS


def test_a_number_is_kept_for_each_combination_of_tags() -> None:
    number = Number("n_total", "", ("service", "status"))
    number.add(1, "a", "200")
    number.add(2, "a", "200")
    number.add(1, "b", "200")
    assert list(number.samples()) == [
        Sample("n_total", {"service": "a", "status": "200"}, 3),
        Sample("n_total", {"service": "b", "status": "200"}, 1),
    ]
    assert number.read("b", "200") == 1
    assert number.read("b", "500") == 0


def test_a_histogram_counts_what_is_at_most_each_bound_as_prometheus_does() -> None:
    histogram = Histogram("h", "", (1, 2.5), ("service",))
    for number in (0.5, 1, 2, 99):
        histogram.observe(number, "a")
    assert [(sample.name, sample.tags.get("le"), sample.value) for sample in histogram.samples()] == [
        ("h_bucket", "1", 2),
        ("h_bucket", "2.5", 3),
        ("h_bucket", "+Inf", 4),
        ("h_sum", None, 102.5),
        ("h_count", None, 4),
    ]
    assert (histogram.count("a"), histogram.sum("a")) == (4, 102.5)
    assert (histogram.count("b"), histogram.sum("b")) == (0, 0)


def test_metrics_have_names_in_prometheus_conventions_and_ordered_buckets() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    for metric in METRICS:
        assert metric.name.startswith("facet_")
        assert metric.description
        assert not {"le", "request_id"} & set(metric.tags)
        if isinstance(metric, Number):
            assert metric.name.endswith("_total") is not metric.gauge
        else:
            assert list(metric.buckets) == sorted(set(metric.buckets))


def test_every_metric_is_documented_with_its_tags() -> None:
    text = (Path(__file__).parents[2] / "docs" / "observability.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `ray_(\w+)` \| (.*?) ?\| (.+) \|$", text, re.MULTILINE)
    assert rows == [(metric.name, ", ".join(metric.tags), metric.description) for metric in METRICS]


class Theirs:
    """What Ray's gauges do with what they are given, as far as this is about: they keep the last number."""

    def __init__(self) -> None:
        self.made: list[tuple[str, tuple[str, ...]]] = []
        self.numbers: dict[tuple[str, ...], float] = {}

    def gauge(self, name: str, _: str, tags: Sequence[str]) -> "Metric":
        self.made.append((name, tuple(tags)))
        return Metric(self.numbers, name)


class Metric:
    def __init__(self, numbers: dict[tuple[str, ...], float], name: str) -> None:
        self._numbers, self._name = numbers, name

    def set(self, value: float, tags: Mapping[str, str]) -> None:
        self._numbers[self._name, *tags.values()] = value


def test_what_is_published_again_and_again_is_what_was_recorded() -> None:
    total, gauge = Number("t_total", "", ("service",)), Number("g", "", gauge=True)
    histogram = Histogram("h", "", (1,), ("service",))
    theirs = Theirs()
    publisher = Publisher([total, gauge, histogram], theirs.gauge)
    for recorded in (1, 2, 0):
        total.add(recorded, "a")
        gauge.set(recorded)
        histogram.observe(recorded, "a")
        publisher.publish()
    assert theirs.numbers == {
        ("t_total", "a"): 3,
        ("g",): 0,
        ("h_bucket", "a", "1"): 2,
        ("h_bucket", "a", "+Inf"): 3,
        ("h_sum", "a"): 3,
        ("h_count", "a"): 3,
    }
    assert theirs.made == [
        ("t_total", ("service",)),
        ("g", ()),
        ("h_bucket", ("service", "le")),
        ("h_sum", ("service",)),
        ("h_count", ("service",)),
    ]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/age-estimator/v2/process/sample", ("age-estimator", "sample")),
        ("/age-estimator/process/image/", ("age-estimator", "image")),
        ("/graph/v1/process/image", ("graph", "image")),
        ("/my-face/v1/process/sample", ("unknown", "sample")),
        ("/age-estimator/v1/process/my-face", ("unknown", "unknown")),
        ("/", ("pages", "page")),
        ("/graph/my-face", ("pages", "page")),
        ("/static/swagger/x.js", ("pages", "page")),
        ("/my-face", ("unknown", "unknown")),
    ],
)
def test_a_path_is_told_in_our_own_words(path: str, found: tuple[str, str]) -> None:
    assert route(path, CATALOGUE) == found


def test_the_kind_of_an_error_is_one_of_a_few_and_says_nothing_of_its_message() -> None:
    class Own(UnknownService):
        """Some error that is derived from one of the table."""

    kinds = {kind(error("my-face")) for error in (*STATUS, Own) if error in {Own, Overloaded, TimeoutError}}
    assert kinds == {"UnknownService", "Overloaded", "TimeoutError"}
    assert kind(ZeroDivisionError("my-face")) == "internal"


def test_a_run_is_told_with_its_batch_and_what_each_caller_waited() -> None:
    meter = Meter("some-service")
    meter.queued(3)
    meter.ran(5, 0.25, [0.5, 0.0])
    assert QUEUE.read("some-service") == 3
    assert (MODEL_SECONDS.count("some-service"), MODEL_SECONDS.sum("some-service")) == (1, 0.25)
    assert (BATCH.count("some-service"), BATCH.sum("some-service")) == (1, 5)
    assert (WAIT_SECONDS.count("some-service"), WAIT_SECONDS.sum("some-service")) == (2, 0.5)


async def test_requests_that_are_answered_together_are_told_as_one_run() -> None:
    async def run(items: Sequence[int], _: object) -> list[int]:
        await asyncio.sleep(0)
        return list(items)

    meter = Meter("gathered-service")
    batcher = Batcher[int, int](run, Batching(), meter=meter)
    first, second = await asyncio.gather(batcher.ask([1, 2]), batcher.ask([3]))
    assert (first, second) == ([1, 2], [3])
    assert (BATCH.count(meter.service), BATCH.sum(meter.service)) == (1, 3)
    assert WAIT_SECONDS.count(meter.service) == 2
    assert QUEUE.read(meter.service) == 0
