"""What an operator sees of a running server: metrics, spans and request logs. Never images, never clients' words."""

from pathlib import Path

from serving.telemetry import publish
from serving.telemetry.spans import SPANS


def start(traces: Path | None = None) -> None:
    """Publishes the numbers of this process where it belongs to Ray, and exports spans where somebody asks for them."""
    publish.start()
    SPANS.start(traces)
