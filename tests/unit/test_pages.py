"""The pages come whole from this server, and a browser may load them before it has a key."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.cluster.stages import Local
from serving.engine.engine import Engine
from serving.http.application import application
from serving.http.pages import STATIC
from serving.settings import Settings

Client = Callable[..., httpx.AsyncClient]
PAGES = ("/", "/docs")
_NAMESPACE = "http://www.w3.org/2000/svg"  # a name, which nothing loads


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """A client of a server with one service, which has no model."""

    def build(**settings: Any) -> httpx.AsyncClient:
        chosen = Settings(cache=tmp_path, model_mirror=None, **settings)
        app = application(Engine(chosen, {"age-estimator": Local("age-estimator", chosen)}))
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://facet")

    return build


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_and_all_that_it_loads_come_from_here(client: Client, page: str) -> None:
    found = await client().get(page)
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("text/html")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', found.text)
    assert loaded
    for address in loaded:
        assert (await client().get(f"/{address}")).status_code == 200, address


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_may_load_nothing_from_elsewhere(client: Client, page: str) -> None:
    policy = (await client().get(page)).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert "script-src" not in policy  # so scripts too come from files of this server alone


def test_our_own_files_name_no_other_server() -> None:
    for file in STATIC.iterdir():
        if file.suffix != ".jpg":
            text = file.read_text(encoding="utf-8").replace(_NAMESPACE, "")
            assert not re.search(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", text), file.name


async def test_swagger_ui_is_of_a_version_that_knows_openapi_3_1(client: Client) -> None:
    bundle = (await client().get("/static/swagger/swagger-ui-bundle.js")).text
    assert "OpenAPI 3.1" in bundle or "openapi31" in bundle.lower()


async def test_pages_load_without_a_key_and_the_rest_does_not(client: Client) -> None:
    guarded = client(api_keys=("a-long-secret",))
    for path in (*PAGES, "/static/try.js", "/openapi.json"):
        assert (await guarded.get(path)).status_code == 200, path
    for path in ("/graph", "/version"):
        assert (await guarded.get(path)).status_code == 401, path
    assert (await guarded.get("/graph", headers={"Authorization": "Bearer a-long-secret"})).status_code == 200


async def test_no_path_leads_out_of_the_folder_of_static_files(client: Client) -> None:
    for path in ("/static/../pages.py", "/static/%2e%2e/pages.py", "/static/..%2fpages.py"):
        assert (await client().get(path)).status_code in {401, 404, 405}, path
