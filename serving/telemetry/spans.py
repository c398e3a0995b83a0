"""Spans of requests and their parts; where nobody asks for them, nothing of OpenTelemetry is imported or done.

They are asked for by the variables that OpenTelemetry defines (OTEL_TRACES_EXPORTER, OTEL_EXPORTER_OTLP_ENDPOINT,
OTEL_TRACES_SAMPLER and the others, which its SDK reads itself), or by a folder to write them to. Of an error a span
tells the kind alone: messages may repeat what a client sent.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.telemetry.tracing import Tracing

_NOTHING: AbstractContextManager[None] = nullcontext()
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


class NoExporter(ValueError):
    """An exporter that the variables name is not installed."""


def wanted(variables: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The exporters that OpenTelemetry's variables name; raises ``NoExporter`` for one that is not installed."""
    if variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ()
    default = "otlp" if any(variables.get(each) for each in _ENDPOINTS) else "none"
    asked = (variables.get("OTEL_TRACES_EXPORTER") or default).split(",")
    names = tuple(_registered(name.strip(), variables) for name in asked if name.strip() not in {"", "none"})
    for name in names:
        if not entry_points(group="opentelemetry_traces_exporter", name=name):
            package = f"opentelemetry-exporter-{name.replace('_', '-')}"
            raise NoExporter(f"OTEL_TRACES_EXPORTER: there is no exporter {name!r} here; {package} may have it")
    return names


def _registered(name: str, variables: Mapping[str, str]) -> str:
    """The name under which a package registers an exporter: that of OTLP depends on the protocol, by default HTTP."""
    protocol = next((found for each in _PROTOCOLS if (found := variables.get(each))), "http/protobuf")
    return ("otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http") if name == "otlp" else name


class Spans:
    """Spans of this process, or nothing at all."""

    def __init__(self) -> None:
        self.tracing: Tracing | None = None

    def start(self, folder: Path | None = None) -> None:
        """Exports spans from now on where variables or a ``folder`` ask for it; once is enough."""
        names = wanted()
        if self.tracing is None and (names or folder):
            from serving.telemetry.tracing import Tracing, named, to_file  # noqa: PLC0415 - only where wanted

            self.tracing = Tracing([*named(names), *([to_file(folder)] if folder else [])])

    def request(self, name: str, headers: Mapping[str, str]) -> AbstractContextManager[None]:
        """The span of a request, a child of the one that its ``traceparent`` names."""
        return _NOTHING if self.tracing is None else self.tracing.request(name, headers)

    def part(self, name: str) -> AbstractContextManager[None]:
        """The span of a part of a request, a child of the one that is open."""
        return _NOTHING if self.tracing is None else self.tracing.part(name)

    def note(self, attributes: Mapping[str, str | int]) -> None:
        """Adds attributes to the span that is open."""
        if self.tracing is not None:
            self.tracing.note(attributes)

    def failed(self, kind: str) -> None:
        """Marks the span that is open as failed."""
        if self.tracing is not None:
            self.tracing.failed(kind)

    def traceparent(self) -> str | None:
        """The span that is open, in W3C's words, for who works on its behalf; None where it is not to be exported."""
        return None if self.tracing is None else self.tracing.traceparent()

    def ran(self, name: str, seconds: float, callers: Sequence[str | None]) -> None:
        """For each caller a span of what just ran on its behalf; those of one batch are linked to the other callers."""
        if self.tracing is not None:
            self.tracing.ran(name, seconds, [caller for caller in callers if caller is not None])


SPANS = Spans()
