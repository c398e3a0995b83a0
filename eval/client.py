"""A client of the Image API, schema v2, as small as measuring needs it."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

Json = dict[str, Any]


_CONNECT = 5.0  # seconds: a server that is there takes less


class RequestFailed(Exception):
    """A request was refused, could not be sent, or was answered by something else than what it asks for."""


class Unreachable(RequestFailed):
    """Nobody answered."""


class Client:
    """Asks the services of one server. It may be used from several threads."""

    def __init__(self, url: str, packed: bool = True, key: str | None = None, timeout: float = 60.0) -> None:
        """``packed`` speaks msgpack, else JSON; ``key`` is an API key; ``timeout`` is in seconds, for one request."""
        kind = "application/msgpack" if packed else "application/json"
        headers = {"Content-Type": kind, "Accept": kind} | ({"X-API-Key": key} if key else {})
        self._http = httpx.Client(base_url=url, timeout=httpx.Timeout(timeout, connect=_CONNECT), headers=headers)
        self._packed = packed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def models(self) -> Json:
        """The models that the server uses, by name, as ``GET /version`` tells them."""
        answer = self._sent("GET", "/version", headers={"Accept": "application/json"})
        found = _decoded(answer, packed=False).get("models")
        if not isinstance(found, dict):
            raise RequestFailed("GET /version names no models: this is no Facet server")
        return found

    def image(self, path: Path) -> Json:
        """The document of an image file, without objects."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise RequestFailed(f"the image cannot be read: {error.strerror}") from error
        blob = content if self._packed else base64.b64encode(content).decode()
        return {"_image": {"blob": blob, "format": "IMAGE"}}

    def objects(self, service: str, image: Json, objects: Sequence[Json] = (), **parameters: Any) -> list[Json]:
        """The objects that a service answers for an image and the objects on it."""
        answer = self.answer(service, {**image, "objects": list(objects)}, {**parameters, "echo": "false"})
        found = answer.get("objects")
        if not isinstance(found, list):
            raise RequestFailed(f"{service}: the answer has no objects")
        return found

    def answer(self, service: str, document: Json, parameters: Mapping[str, Any] | None = None) -> Json:
        """The document that a service answers."""
        codec = msgspec.msgpack if self._packed else msgspec.json
        path, content = f"/{service}/v2/process/sample", codec.encode(document)
        return _decoded(self._sent("POST", path, params=dict(parameters or {}), content=content), self._packed)

    def _sent(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **request)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # ValueError: a key that no header can carry
            raise Unreachable(f"no answer from {self._http.base_url}: {error or type(error).__name__}") from error
        if response.status_code != httpx.codes.OK:
            raise RequestFailed(f"{path.split('/')[1]}: {response.status_code} {_detail(response)}")
        return response


def _decoded(response: httpx.Response, packed: bool) -> Json:
    codec = msgspec.msgpack if packed else msgspec.json
    try:
        answer: Json = codec.decode(response.content, type=Json)
    except msgspec.DecodeError as error:
        raise RequestFailed(f"the answer cannot be read: {error}") from error
    return answer


def _detail(response: httpx.Response) -> str:
    """What a server says of an error, on one line."""
    try:
        told = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        told = response.text
    return " ".join(str(told).split())[:200]
