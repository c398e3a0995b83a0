"""A client of the SmartFace interface in this process, which holds every answer against the maker's document.

``FACET_SMARTFACE_OPENAPI`` names that document, version v5_4.40.1, which is not ours to distribute. Without it answers
are only looked at by the tests themselves.
"""

import base64
import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker

from compat.smartface import SmartFace
from serving.http.application import application
from serving.identity.people import People

LISTS, MEMBERS = "/api/v1/Watchlists", "/api/v1/WatchlistMembers"
OPENAPI = os.environ.get("FACET_SMARTFACE_OPENAPI")
# What any route may answer beside what is documented for it: keys, limits, unknown routes, faults of the server.
_ANYWHERE = {401, 404, 405, 408, 413, 415, 503}
_PROBLEM = {"type", "title", "status", "detail", "instance"}


def client(people: People, *, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    """A client of the application with this interface alone."""
    transport = httpx.ASGITransport(application(people.engine, people, [SmartFace(people)]))
    return httpx.AsyncClient(
        transport=transport,
        base_url="http://facet",
        timeout=60,
        headers=headers,
        event_hooks={"response": [_hold]},
    )


async def watchlist(smartface: httpx.AsyncClient, name: str = "Guests", **fields: Any) -> str:
    """The id of a new watchlist."""
    made = await smartface.post(LISTS, json={"displayName": name, "fullName": f"All {name}"} | fields)
    assert made.status_code == 201
    return str(made.json()["id"])


async def register(smartface: httpx.AsyncClient, image: str, *lists: str, **fields: Any) -> httpx.Response:
    return await smartface.post(
        f"{MEMBERS}/Register", json={"images": [{"data": image}], "watchlistIds": list(lists)} | fields
    )


async def search(smartface: httpx.AsyncClient, image: str, *lists: str, **fields: Any) -> list[Any]:
    """The results of the first face."""
    sent = {"image": {"data": image}, "watchlistIds": list(lists)} | fields
    found = await smartface.post(f"{LISTS}/Search", json=sent)
    assert found.status_code == 200, found.text
    results: list[Any] = found.json()[0]["matchResults"]
    return results


def text(data: bytes) -> str:
    """The bytes in base64."""
    return base64.b64encode(data).decode()


async def _hold(response: httpx.Response) -> None:
    """Fails where an answer is not as the document says."""
    await response.aread()
    if response.status_code >= 400 and response.request.method != "HEAD":
        assert response.json().keys() >= _PROBLEM, response.text
        assert response.json()["status"] == response.status_code
    if OPENAPI is not None and response.request.method != "OPTIONS":
        hold(response.request.method, response.request.url.raw_path.decode().split("?")[0], response)


def hold(method: str, path: str, response: httpx.Response) -> None:
    """The same for a method and a path."""
    operation = _operation(method, path)
    if operation is None:
        assert response.status_code in {404, 405}
        return
    documented = operation["responses"].get(str(response.status_code))
    if documented is None:
        assert response.status_code in _ANYWHERE, f"{method} {path} answers {response.status_code}"
        return
    media_type = response.headers.get("content-type", "")
    if "content" not in documented:
        return
    assert media_type in {*documented["content"], "application/problem+json"}
    if media_type == "application/json":
        schema = documented["content"][media_type]["schema"]
        Draft202012Validator(document() | schema, format_checker=FormatChecker()).validate(response.json())


def _operation(method: str, path: str) -> Any:
    """What the document says of a method of a path; None where it says nothing."""
    names = sorted(document()["paths"], key=lambda name: "{" in name)
    for name in names:
        pattern = re.sub(r"\{\w+\}", "[^/]+", name)
        operations = document()["paths"][name]
        if re.fullmatch(f"{pattern}/*", path, re.IGNORECASE) and method.lower() in operations:
            return operations[method.lower()]
    return None


@cache
def document() -> dict[str, Any]:
    """The document, its schemas as JSON Schema writes them."""
    assert OPENAPI is not None
    found: dict[str, Any] = _plain(json.loads(Path(OPENAPI).read_text(encoding="utf-8")))
    return found


def _plain(value: Any) -> Any:
    """OpenAPI 3.0 says ``nullable`` where JSON Schema lists null among the types."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    plain = {key: _plain(each) for key, each in value.items() if key != "nullable"}
    if value.get("nullable") is True and "type" in plain:
        plain["type"] = [plain["type"], "null"]
    return plain
