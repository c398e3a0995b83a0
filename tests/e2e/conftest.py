"""A real server: ``facet serve`` as a user starts it, with its own Ray cluster and the real models."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.server import Server, running
from models import ModelStore


@pytest.fixture(scope="session")
def model_files(store: ModelStore) -> dict[str, str]:
    """The variables that tell a server where the model files are; skips where there are none."""
    if not store.can_serve("face-detection"):
        pytest.skip("no models are installed")
    mirror = {} if store.mirror is None else {"FACET_MODEL_MIRROR": str(store.mirror)}
    return {"FACET_CACHE": str(store.cache), **mirror}


@pytest.fixture(scope="session")
def user_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that libraries of the server take for the user's cache."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def server(model_files: dict[str, str], user_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server, whose log is shown where it does not come up."""
    folder = tmp_path_factory.mktemp("server")
    variables = {**model_files, "XDG_CACHE_HOME": str(user_cache), "ORT_DISABLE_TELEMETRY": "0"}
    with running(folder / "log.txt", variables) as started:
        yield started


@pytest.fixture(scope="session")
def url(server: Server) -> str:
    return server.url


@pytest.fixture(scope="session")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client
