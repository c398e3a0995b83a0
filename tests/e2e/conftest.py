"""A real server: ``facet serve`` as a user starts it, with its own Ray cluster and the real models."""

from collections.abc import Iterator

import httpx
import pytest

from bench.server import Server, running
from models import ModelStore


@pytest.fixture(scope="session")
def server(store: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server, whose log is shown where it does not come up."""
    if not store.available("face-detection"):
        pytest.skip("no models are installed")
    environment = {"FACET_CACHE": str(store.cache)}
    if store.mirror is not None:
        environment["FACET_MODEL_MIRROR"] = str(store.mirror)
    with running(tmp_path_factory.mktemp("server") / "log.txt", environment) as started:
        yield started


@pytest.fixture(scope="session")
def url(server: Server) -> str:
    return server.url


@pytest.fixture(scope="session")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client
