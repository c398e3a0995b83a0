"""Where a service runs changes nothing that it says."""

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from bench.server import Server, running
from tests.pictures import encoded

pytestmark = pytest.mark.server

PATHS = (
    "/graph/v2/process/image?graph=face-analytics&echo=false",
    "/graph/v1/process/image?graph=people&echo=false",
    "/face-detector-template-extractor/v2/process/image?echo=false",
    "/body-detector/v1/process/image?echo=false&min_confidence=0.2",
)


@pytest.fixture(scope="module")
def remote(model_files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with every service in a deployment of its own."""
    environment = {"FACET_PLACEMENT": '{"default": "remote"}', "FACET_GATEWAYS": "1", "FACET_BODY_TIMEOUT": "2"}
    with running(tmp_path_factory.mktemp("remote") / "log.txt", model_files | environment) as started:
        yield started


@pytest.fixture(scope="module")
def large() -> bytes:
    """A photograph of 20 megapixels: its pixels take 60 MB."""
    shades = np.linspace(0, 255, 5000, dtype=np.uint8)
    return encoded(Image.fromarray(np.repeat(np.broadcast_to(shades, (4000, 5000))[..., None], 3, axis=2)), "JPEG")


def test_local_and_remote_services_say_the_same(client: httpx.Client, remote: Server, jpeg: bytes) -> None:
    with httpx.Client(base_url=remote.url, timeout=60) as other:
        for path in PATHS:
            here, there = (asked.post(path, files={"image": jpeg}) for asked in (client, other))
            assert here.status_code == there.status_code == 200
            assert without_timings(here.json()) == without_timings(there.json())


def test_a_large_photograph_travels_to_a_remote_detector(remote: Server, large: bytes) -> None:
    with httpx.Client(base_url=remote.url, timeout=60) as other:
        found = other.post("/body-detector/v2/process/image?echo=false", files={"image": large})
    assert found.status_code == 200


def test_a_client_that_sends_slowly_is_sent_away_and_holds_nobody_up(remote: Server, jpeg: bytes) -> None:
    head = b"POST /body-detector/v2/process/sample HTTP/1.1\r\nHost: facet\r\nContent-Length: 100000\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", remote.port), timeout=30) as slow:
        slow.sendall(head)
        with httpx.Client(base_url=remote.url, timeout=60) as other:
            assert other.post("/body-detector/v2/process/image", files={"image": jpeg}).status_code == 200
        assert slow.recv(100).startswith(b"HTTP/1.1 408")


def without_timings(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "timings"}
