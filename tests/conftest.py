"""What tests share: real models, labelled data and a photograph, each skipped where it is not at hand.

``FACET_MODEL_MIRROR`` names a folder of model files, ``FACET_CACHE`` the folder that ``facet models pull`` fills (by
default the platform's), and ``FACET_DATA`` a folder of labelled images, one folder a task.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage.data import astronaut as astronaut_photograph
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from models import MissingModel, Model, ModelStore, default_cache
from store import Store
from store.embedded_database import run_embedded_database
from store.migrate import migrate
from store.tables import metadata
from tests.pictures import encoded


@pytest.fixture(scope="session")
def store() -> ModelStore:
    """The model files that the tests may use."""
    mirror = os.environ.get("FACET_MODEL_MIRROR")
    return ModelStore(
        cache=Path(os.environ.get("FACET_CACHE") or default_cache()),
        mirror=Path(mirror).resolve() if mirror else None,
    )


@pytest.fixture(scope="session")
def model(store: ModelStore) -> Callable[[str], Model]:
    """Opens a model by name, once a session; skips the test where its file is not at hand."""
    opened: dict[str, Model] = {}

    def open_model(name: str) -> Model:
        spec = store.manifest.models[name]
        if not store.has(spec):
            pytest.skip(f"the model {name} is not installed")
        if name not in opened:
            opened[name] = store.load(spec)
        return opened[name]

    return open_model


@pytest.fixture(scope="session")
def models_for(store: ModelStore, model: Callable[[str], Model]) -> Callable[..., Mapping[str, tuple[Model, ...]]]:
    """Opens the models that serve tasks; skips the test where a task has none."""

    def open_models(*tasks: str) -> Mapping[str, tuple[Model, ...]]:
        try:
            return {task: tuple(model(spec.name) for spec in store.resolve(task)) for task in tasks}
        except MissingModel as error:
            pytest.skip(str(error))

    return open_models


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """The folder of labelled images of a task; skips the test where there is none."""

    def folder(task: str) -> Path:
        root = os.environ.get("FACET_DATA")
        path = Path(root or ".") / task
        if root is None or not path.is_dir():
            pytest.skip(f"no labelled images of {task}: FACET_DATA names no folder that has them")
        return path

    return folder


@pytest.fixture(scope="session")
def astronaut() -> NDArray[np.uint8]:
    """NASA's photograph of Eileen Collins, public domain: RGB uint8 (512, 512, 3), one face."""
    photograph: NDArray[np.uint8] = np.ascontiguousarray(astronaut_photograph())  # type: ignore[no-untyped-call]  # scikit-image has no annotations
    return photograph


@pytest.fixture(scope="session")
def jpeg(astronaut: NDArray[np.uint8]) -> bytes:
    """That photograph as a file."""
    return encoded(Image.fromarray(astronaut), "JPEG", quality=95)


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """A PostgreSQL of the tests, with the tables of the identity store."""
    folder = Path(tempfile.mkdtemp(prefix="facet-"))  # a short path: its socket is in it
    try:
        with run_embedded_database(folder / "pg") as url:
            migrate(url)
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def identity(database_url: str) -> AsyncIterator[Store]:
    """The identity store, empty."""
    found = Store(database_url, connections=4)
    async with found.begin() as transaction:
        await empty(transaction)
    yield found
    await found.close()


async def empty(transaction: AsyncConnection) -> None:
    """Removes all rows but those of the template models, whose indexes stay, too."""
    names = [table.name for table in metadata.sorted_tables if table.name != "template_model"]
    await transaction.execute(text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY CASCADE"))
