"""The whole HTTP interface in this process, on real models and without Ray."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from estimators import CATALOGUE
from models import ModelStore
from serving.cluster.stages import Local
from serving.engine.engine import Engine
from serving.engine.loading import Loader
from serving.http.application import application
from serving.identity.people import People
from serving.settings import Settings, arguments
from store import Store
from tests import pictures
from tests.contract.compreface_api import Services, running
from tests.contract.scripted import Scripted, client
from tests.contract.smartface import client as smartface_client
from tests.contract.smartface import text

CONFIG = Path(__file__).parents[2] / "serve_config.yaml"


@pytest.fixture(scope="session")
def settings(store: ModelStore) -> Settings:
    """The settings of serve_config.yaml, with the models of the tests."""
    chosen = arguments(yaml.safe_load(CONFIG.read_text()))
    return Settings(**chosen, cache=store.cache, model_mirror=store.mirror)


@pytest.fixture(scope="session")
def engine(settings: Settings) -> Engine:
    """All services, in this process."""
    if not settings.store().can_serve("face-detection"):
        pytest.skip("no models are installed")
    loader = Loader(settings)
    return Engine(settings, {name: Local(name, settings, loader) for name in CATALOGUE})


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the interface."""
    transport = httpx.ASGITransport(application(engine))
    async with httpx.AsyncClient(transport=transport, base_url="http://facet", timeout=60) as client:
        yield client


@pytest.fixture
def stages() -> dict[str, Scripted]:
    return {"face-detector-face-fitter": Scripted(), "gender-estimator": Scripted(), "verify-matcher": Scripted()}


@pytest.fixture
def http(settings: Settings, stages: dict[str, Scripted]) -> httpx.AsyncClient:
    if not settings.store().can_serve("age-gender"):
        pytest.skip("no models are installed")
    return client(settings, stages)


@pytest.fixture
async def compreface(engine: Engine, identity: Store) -> AsyncIterator[Services]:
    """CompreFace's interface, which keeps images."""
    async with running(engine, identity, store_images=True) as found:
        yield found


@pytest.fixture(scope="session")
def crowd(astronaut: NDArray[np.uint8]) -> bytes:
    """A photograph of four faces."""
    return pictures.encoded(pictures.crowd(astronaut), "JPEG", quality=95)


@pytest.fixture(scope="session")
def nobody(astronaut: NDArray[np.uint8]) -> bytes:
    """A photograph without a face."""
    return pictures.encoded(pictures.nobody(astronaut))


@pytest.fixture
def people(engine: Engine, identity: Store) -> People:
    """All services and the identity store, in this process."""
    return People(engine, identity)


@pytest.fixture
async def smartface(people: People) -> AsyncIterator[httpx.AsyncClient]:
    """A client of SmartFace's interface, in this process."""
    async with smartface_client(people) as found:
        yield found


@pytest.fixture
def eileen(jpeg: bytes) -> str:
    """A photograph of one person in base64."""
    return text(jpeg)


@pytest.fixture
def four(astronaut: NDArray[np.uint8]) -> str:
    """An image with four faces of different sizes in base64."""
    return text(pictures.encoded(pictures.crowd(astronaut)))
