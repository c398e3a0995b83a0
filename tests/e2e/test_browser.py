"""The pages in a real browser, over a real server in this process with all models that are at hand."""

import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from estimators import CATALOGUE
from models import ModelStore
from serving.cluster.stages import Local
from serving.engine.engine import Engine
from serving.http.application import application
from serving.http.pages import STATIC
from serving.settings import Settings

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NEEDED = ("yunet_n_dynamic", "human_facemesh", "faceapi_age_gender", "faceapi_face_expression")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


@pytest.fixture(scope="module")
def address(store: ModelStore) -> Iterator[str]:
    """Where the server listens."""
    if not all(store.has(store.manifest.models[name]) for name in NEEDED):
        pytest.skip("the models of faces are not installed")
    settings = Settings(cache=store.cache, model_mirror=store.mirror)
    app = application(Engine(settings, {name: Local(name, settings) for name in CATALOGUE}))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def page(address: str) -> Iterator[Any]:
    """A page of a fresh browser, which must not ask any other server for anything."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 390, "height": 844})
        asked: list[str] = []
        faults: list[str] = []
        opened.on("request", lambda request: asked.append(request.url))
        opened.on("pageerror", lambda error: faults.append(str(error)))
        yield opened
        browser.close()
    assert [url for url in asked if not url.startswith((address, f"blob:{address}", "data:"))] == []
    assert faults == []


def test_a_photo_is_answered_with_facts(page: Any, address: str) -> None:
    page.goto(f"{address}/")
    page.wait_for_selector("#outputs input")
    page.set_input_files("#file", STATIC / "astronaut.jpg")
    page.wait_for_selector("#state:has-text('Found 1 face')")
    facts = page.inner_text("#facts")
    assert "female" in facts
    assert "happy" in facts


def test_two_photos_of_a_person_are_told_to_be_of_one(page: Any, address: str) -> None:
    page.goto(f"{address}/")
    first, second = page.query_selector_all("#compare input")
    first.set_input_files(STATIC / "astronaut.jpg")
    second.set_input_files(STATIC / "face.jpg")
    page.wait_for_selector("#verdict strong, #difference:visible")
    if page.is_visible("#difference"):
        pytest.skip(page.inner_text("#difference"))  # no template model is installed
    assert page.inner_text("#verdict strong").startswith("Yes")


def test_the_documentation_shows_the_services(page: Any, address: str) -> None:
    page.goto(f"{address}/docs")
    page.wait_for_selector(".opblock")
    assert page.locator(".opblock").count() > len(CATALOGUE)
