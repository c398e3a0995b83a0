"""The whole HTTP interface in this process, on real models and without Ray."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from estimators import CATALOGUE
from models import ModelStore
from serving.api import application
from serving.engine import Engine
from serving.loading import Loader
from serving.people import People
from serving.settings import Settings
from serving.stages import Local
from store import Store
from tests.contract.scripted import Scripted, client

CONFIG = Path(__file__).parents[2] / "serve_config.yaml"


@pytest.fixture(scope="session")
def settings(store: ModelStore) -> Settings:
    """The settings of serve_config.yaml, with the models of the tests."""
    arguments: dict[str, Any] = yaml.safe_load(CONFIG.read_text())["applications"][0]["args"]
    return Settings(**arguments, cache=store.cache, model_mirror=store.mirror)


@pytest.fixture(scope="session")
def engine(settings: Settings) -> Engine:
    """All services, in this process."""
    if not settings.store().available("face-detection"):
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
    if not settings.store().available("age-gender"):
        pytest.skip("no models are installed")
    return client(settings, stages)


@pytest.fixture
def people(engine: Engine, identity: Store) -> People:
    """All services and the identity store, in this process."""
    return People(engine, identity)
