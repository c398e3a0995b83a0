"""What OpenTelemetry does for ``serving.telemetry.spans``; imported only where spans are wanted."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor, SpanExporter
from opentelemetry.trace import Link, SpanKind, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_W3C = TraceContextTextMapPropagator()


class Tracing:
    """A tracer with its exporters. It leaves OpenTelemetry's global one to Ray."""

    def __init__(self, exporters: Sequence[SpanExporter], *, at_once: bool = False) -> None:
        """Takes where spans go: in batches every few seconds, or each as it ends."""
        resource = Resource.create()
        if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: "facet"}))
        provider = TracerProvider(resource=resource)
        for exporter in exporters:
            provider.add_span_processor((SimpleSpanProcessor if at_once else BatchSpanProcessor)(exporter))
        self._tracer = provider.get_tracer("facet")

    @contextmanager
    def request(self, name: str, headers: Mapping[str, str]) -> Iterator[None]:
        with self._tracer.start_as_current_span(
            name, _context(headers), SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ):
            yield

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        with self._tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False):
            yield

    def note(self, attributes: Mapping[str, str | int]) -> None:
        get_current_span().set_attributes(attributes)

    def failed(self, kind: str) -> None:
        get_current_span().set_status(StatusCode.ERROR)
        get_current_span().set_attribute("error.type", kind)

    def traceparent(self) -> str | None:
        if not get_current_span().get_span_context().trace_flags.sampled:
            return None
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return carrier.get("traceparent")

    def ran(self, name: str, seconds: float, callers: Sequence[str]) -> None:
        end = time.time_ns()
        contexts = [_context({"traceparent": caller}) for caller in callers]
        parents = [get_current_span(context).get_span_context() for context in contexts]
        for context, parent in zip(contexts, parents, strict=True):
            links = [Link(other) for other in parents if other is not parent]
            span = self._tracer.start_span(name, context, links=links, start_time=end - int(seconds * 1e9))
            span.end(end)


def _context(headers: Mapping[str, str]) -> Context:
    """The context that W3C trace headers describe; an empty one where there are none, or malformed ones."""
    return _W3C.extract(headers, Context())


def named(names: Sequence[str]) -> list[SpanExporter]:
    """The exporters of these names, each set up by the variables of its own."""
    return [
        entry.load()() for name in names for entry in entry_points(group="opentelemetry_traces_exporter", name=name)
    ]


def to_file(folder: Path) -> SpanExporter:
    """Writes each span as a line of JSON to a file of this process."""
    folder.mkdir(parents=True, exist_ok=True)
    out = (folder / f"spans-{os.getpid()}.jsonl").open("a", encoding="utf-8")
    return ConsoleSpanExporter(out=out, formatter=lambda span: span.to_json(indent=None) + "\n")
