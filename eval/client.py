"""A client of the Image API, schema v2, as small as measuring needs it."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

Json = dict[str, Any]


class RequestFailed(Exception):
    """The server refused a request or answered something else than a document."""


class Client:
    """Asks the services of one server. It may be used from several threads."""

    def __init__(self, url: str, packed: bool = False, timeout: float = 120.0) -> None:
        """``packed`` speaks msgpack instead of JSON; ``timeout`` is in seconds, for one request."""
        self._http = httpx.Client(base_url=url, timeout=timeout)
        self._packed = packed
        self._type = "application/msgpack" if packed else "application/json"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def image(self, path: Path) -> Json:
        """The document of an image file, without objects."""
        content = path.read_bytes()
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
        try:
            response = self._http.post(
                f"/{service}/v2/process/sample",
                params=dict(parameters or {}),
                content=codec.encode(document),
                headers={"Content-Type": self._type, "Accept": self._type},
            )
        except httpx.HTTPError as error:
            raise RequestFailed(f"{service}: {error!r}") from error
        if response.status_code != httpx.codes.OK:
            raise RequestFailed(f"{service}: {response.status_code} {response.text[:200]}")
        try:
            answer: Json = codec.decode(response.content, type=Json)
        except msgspec.DecodeError as error:
            raise RequestFailed(f"{service}: {error}") from error
        return answer
