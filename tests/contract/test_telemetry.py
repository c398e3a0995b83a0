"""What metrics, spans and logs tell of requests through the whole HTTP interface."""

import base64
import logging
from collections.abc import Iterator

import httpx
import msgpack
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from estimators import CATALOGUE
from serving.cluster.coalescing import Call
from serving.cluster.stages import Hosted
from serving.http.errors import Overloaded
from serving.settings import Settings
from serving.telemetry.metrics import (
    BATCH,
    ERRORS,
    IN_FLIGHT,
    MODEL_SECONDS,
    NODE_ERRORS,
    NODE_SECONDS,
    OBJECTS,
    PIXELS,
    PLACEMENT,
    RECEIVED,
    REQUEST_SECONDS,
    REQUESTS,
    SENT,
    WAIT_SECONDS,
)
from serving.telemetry.spans import SPANS, NoExporter, wanted
from serving.telemetry.tracing import Tracing
from tests.contract.scripted import FACE, Scripted, client, png, sample

GRAPH = "/graph/v2/process/sample?services=gender-estimator"
FITTER = "face-detector-face-fitter"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_a_request_is_counted_with_its_time_and_its_bytes(http: httpx.AsyncClient) -> None:
    counted = REQUESTS.read("graph", "sample", "200"), REQUEST_SECONDS.count("graph", "sample")
    received, sent, decoded = RECEIVED.read("graph"), SENT.read("graph"), PIXELS.count()
    pixels, faces = PIXELS.sum(), OBJECTS.sum(FITTER)
    nodes = [NODE_SECONDS.count(name) for name in ("decode", FITTER, "gender-estimator", "encode")]
    response = await http.post(GRAPH, json=sample())
    assert response.status_code == 200, response.text
    assert REQUESTS.read("graph", "sample", "200") == counted[0] + 1
    assert REQUEST_SECONDS.count("graph", "sample") == counted[1] + 1
    assert RECEIVED.read("graph") - received == int(response.request.headers["content-length"])
    assert SENT.read("graph") - sent == len(response.content)
    assert (PIXELS.count() - decoded, PIXELS.sum() - pixels) == (1, 8 * 8)
    assert OBJECTS.sum(FITTER) - faces == 1
    assert [NODE_SECONDS.count(name) for name in ("decode", FITTER, "gender-estimator", "encode")] == [
        count + 1 for count in nodes
    ]
    assert IN_FLIGHT.read() == 0
    assert PLACEMENT.read("gender-estimator", "remote") == 1


async def test_errors_are_counted_by_kind_where_they_happen_and_where_they_are_told(
    http: httpx.AsyncClient, stages: dict[str, Scripted]
) -> None:
    stages["gender-estimator"].error = Overloaded("my face")
    told, node = ERRORS.read("graph", "Overloaded"), NODE_ERRORS.read("gender-estimator", "Overloaded")
    assert (await http.post(GRAPH, json=sample())).status_code == 503
    assert ERRORS.read("graph", "Overloaded") == told + 1
    assert NODE_ERRORS.read("gender-estimator", "Overloaded") == node + 1
    several = {"samples": [sample(), {"_image": {"blob": "AAAA"}}]}
    bad, told = ERRORS.read("graph", "BadImage"), ERRORS.read("graph", "Overloaded")
    assert (await http.post(GRAPH, json=several)).status_code == 200
    assert ERRORS.read("graph", "BadImage") == bad + 1
    assert ERRORS.read("graph", "Overloaded") == told + 1


async def test_what_clients_invent_gets_no_tag_of_its_own(http: httpx.AsyncClient) -> None:
    before = REQUESTS.read("unknown", "sample", "404"), ERRORS.read("unknown", "UnknownService")
    for invented in ("a-service", "another-service"):
        assert (await http.post(f"/{invented}/v2/process/sample", json=sample())).status_code == 404
    assert REQUESTS.read("unknown", "sample", "404") == before[0] + 2
    assert ERRORS.read("unknown", "UnknownService") == before[1] + 2
    lost = REQUESTS.read("unknown", "unknown", "404")
    assert (await http.get("/some/where")).status_code == 404
    assert REQUESTS.read("unknown", "unknown", "404") == lost + 1
    tags = {value for metric in (REQUESTS, ERRORS) for each in metric.samples() for value in each.tags.values()}
    assert not any("invented" in tag or "a-service" in tag or "some" in tag for tag in tags)


async def test_a_service_tells_its_batches_its_waits_and_the_time_in_its_models(settings: Settings) -> None:
    if not settings.store().can_serve("age-gender"):
        pytest.skip("no models are installed")
    name = "verify-matcher"
    before = MODEL_SECONDS.count(name), BATCH.count(name), WAIT_SECONDS.count(name)
    assert await Hosted(name, settings).match([]) == []
    assert (MODEL_SECONDS.count(name), BATCH.count(name), WAIT_SECONDS.count(name)) == tuple(
        each + 1 for each in before
    )


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Where spans go for the length of a test."""
    exporter = InMemorySpanExporter()
    SPANS.tracing = Tracing([exporter], at_once=True)
    yield exporter
    SPANS.tracing = None


def _by_name(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    finished = spans.get_finished_spans()
    assert len({span.name for span in finished}) == len(finished)
    return {span.name: span for span in finished}


async def test_the_span_of_a_request_continues_the_clients_trace_and_has_one_child_a_node(
    http: httpx.AsyncClient, spans: InMemorySpanExporter
) -> None:
    assert (await http.post(GRAPH, json=sample(), headers={"traceparent": PARENT})).status_code == 200
    found = _by_name(spans)
    assert set(found) == {"graph sample", "decode", FITTER, "gender-estimator", "encode"}
    root = found.pop("graph sample")
    assert root.kind is SpanKind.SERVER
    assert root.parent is not None
    assert root.context is not None
    assert f"{root.context.trace_id:032x}" == PARENT.split("-")[1]
    assert f"{root.parent.span_id:016x}" == PARENT.split("-")[2]
    assert root.attributes == {"http.response.status_code": 200}
    for child in found.values():
        assert child.parent is not None
        assert child.parent.span_id == root.context.span_id


async def test_a_span_tells_that_it_failed_and_the_kind_but_not_the_message(
    http: httpx.AsyncClient, stages: dict[str, Scripted], spans: InMemorySpanExporter
) -> None:
    stages["gender-estimator"].error = Overloaded("my face")
    await http.post(GRAPH, json=sample())
    found = _by_name(spans)
    for name in ("graph sample", "gender-estimator"):
        assert found[name].status.status_code is StatusCode.ERROR
        assert (found[name].attributes or {})["error.type"] == "Overloaded"
    assert "my face" not in "".join(span.to_json() for span in found.values())


async def test_a_malformed_traceparent_starts_a_trace_of_its_own(
    http: httpx.AsyncClient, spans: InMemorySpanExporter
) -> None:
    assert (await http.post(GRAPH, json=sample(), headers={"traceparent": "my face"})).status_code == 200
    assert _by_name(spans)["graph sample"].parent is None


async def test_a_client_that_does_not_sample_its_trace_gets_no_spans(
    http: httpx.AsyncClient, spans: InMemorySpanExporter
) -> None:
    headers = {"traceparent": PARENT[:-2] + "00"}
    assert (await http.post(GRAPH, json=sample(), headers=headers)).status_code == 200
    assert spans.get_finished_spans() == ()


async def test_spans_of_one_batch_hang_under_their_callers_and_are_linked(spans: InMemorySpanExporter) -> None:
    other = PARENT.replace("b7ad6b7169203331", "00f067aa0ba902b7").replace("0af7", "1af7")
    SPANS.ran("models", 0.5, [PARENT, other, None])
    first, second = spans.get_finished_spans()
    assert first.parent is not None
    assert second.parent is not None
    assert [f"{span.parent.span_id:016x}" for span in (first, second) if span.parent] == [
        "b7ad6b7169203331",
        "00f067aa0ba902b7",
    ]
    assert [[link.context.span_id for link in span.links] for span in (first, second)] == [
        [second.parent.span_id],
        [first.parent.span_id],
    ]
    assert first.end_time is not None
    assert first.start_time is not None
    assert first.end_time - first.start_time == 500_000_000


def test_without_exporters_there_are_no_spans() -> None:
    assert wanted({}) == ()
    assert wanted({"OTEL_TRACES_EXPORTER": "none"}) == ()
    assert wanted({"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"}) == ()
    assert wanted({"OTEL_TRACES_EXPORTER": "console, none"}) == ("console",)
    assert Call().traceparent is None
    assert SPANS.traceparent() is None


def test_an_exporter_that_is_not_installed_is_refused_by_name() -> None:
    with pytest.raises(NoExporter, match="'nowhere'"):
        wanted({"OTEL_TRACES_EXPORTER": "nowhere"})


class Lines(logging.Handler):
    """Keeps everything of every record."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def text(self) -> str:
        formatter = logging.Formatter()
        said = [
            each for each in self.records if each.name.partition(".")[0] not in {"httpx", "httpcore"}
        ]  # the client's
        return "\n".join(f"{formatter.format(record)} {record.__dict__}" for record in said)


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Everything that any logger says, the most talkative ones included."""
    handler, loggers = Lines(), [logging.getLogger(), logging.getLogger("ray.serve"), logging.getLogger("facet")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.addHandler(handler)
        each.setLevel(logging.DEBUG)
    yield handler
    for each, level in zip(loggers, levels, strict=True):
        each.removeHandler(handler)
        each.setLevel(level)


async def test_a_request_is_logged_with_where_its_time_went(
    settings: Settings, stages: dict[str, Scripted], lines: Lines
) -> None:
    if not settings.store().can_serve("age-gender"):
        pytest.skip("no models are installed")
    async with client(settings, stages, log_requests=True) as http:
        await http.post(GRAPH, json=sample(), headers={"X-Request-ID": "my-id.1"})
        await http.post("/my-face/process/sample", json=sample(), headers={"X-Request-ID": "my face"})
    first, second = (record.__dict__ for record in lines.records if record.name == "ray.serve.facet")
    assert {key: first[key] for key in ("id", "service", "operation", "status", "error", "objects")} == {
        "id": "my-id.1",
        "service": "graph",
        "operation": "sample",
        "status": 200,
        "error": None,
        "objects": 1,
    }
    assert set(first["node_milliseconds"]) == {"decode", FITTER, "gender-estimator", "encode"}
    assert sum(first["node_milliseconds"].values()) <= first["milliseconds"]
    assert min(first["received_bytes"], first["sent_bytes"]) > 0
    assert {key: second[key] for key in ("id", "service", "status", "error")} == {
        "id": None,
        "service": "unknown",
        "status": 404,
        "error": "UnknownService",
    }


async def test_requests_are_not_logged_unless_asked_for(http: httpx.AsyncClient, lines: Lines) -> None:
    await http.post(GRAPH, json=sample())
    assert [record for record in lines.records if record.name == "ray.serve.facet"] == []


@pytest.mark.parametrize("error", [None, ValueError("unforeseen"), Overloaded("full")])
async def test_nothing_of_an_image_or_a_template_is_ever_logged(
    settings: Settings, stages: dict[str, Scripted], lines: Lines, spans: InMemorySpanExporter, error: Exception | None
) -> None:
    if not settings.store().can_serve("age-gender"):
        pytest.skip("no models are installed")
    stages["gender-estimator"].error = error
    mark = b"only-in-this-image"
    sound, damaged = png() + mark * 3, png()[:20] + mark * 3
    template = {**FACE, "template": {"name": mark.decode() * 3}}
    async with client(settings, stages, log_requests=True) as http:
        for image in (sound, damaged):
            encoded = base64.b64encode(image).decode()
            await http.post(GRAPH, json=sample(_image={"blob": encoded}))
            await http.post(GRAPH, json=sample(_image={"blob": mark.decode() + encoded}))
            await http.post(GRAPH, content=mark + image)
            body = msgpack.packb({"_image": {"blob": image}, "objects": [template]})
            await http.post(GRAPH, content=body, headers={"Content-Type": "application/msgpack"})
            await http.post("/gender-estimator/v2/process/sample", json=sample(objects=[template]))
            await http.post("/verify-matcher/v2/process/sample", json={"objects": [template, template]})
            await http.post(f"/{FITTER}/v2/process/image", files={"image": (mark.decode(), image, mark.decode())})
            await http.post(f"/{mark.decode()}/v2/process/image?{mark.decode()}=1", files={"image": image})
    told = lines.text() + "".join(span.to_json() for span in spans.get_finished_spans())
    assert len(lines.records) >= 16
    parts = [mark.decode(), *(base64.b64encode(mark * 3)[shift : shift + 12].decode() for shift in range(0, 24, 4))]
    encoded = base64.b64encode(sound).decode()
    assert not [part for part in (*parts, encoded[:24], encoded[-24:]) if part in told]


def test_every_service_can_be_told_from_the_pages() -> None:
    assert not {"graph", "pages", "unknown"} & set(CATALOGUE)
