"""The bodies of requests: images as multipart parts or as base64 in JSON, and values in JSON."""

import asyncio
import base64
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from compat.compreface.errors import (
    Code,
    Refusal,
    bad_extension,
    constraints,
    empty_field,
    missing_part,
    not_base64,
)
from schemas import TooLarge
from schemas.wire import JSON
from serving.http import bodies
from serving.http.admission import Body
from serving.settings import Settings

MAX_FILE = 5 * 2**20  # bytes: "Max size is 5Mb"
MAX_REQUEST = 10 * 2**20  # bytes, CompreFace's default
_EXTENSIONS = frozenset({"jpeg", "jpg", "ico", "png", "bmp", "gif", "tif", "tiff", "webp"})
_STANDARD = str.maketrans("-_", "+/", " \t\r\n")  # both alphabets are taken, and white space is left out


async def images(request: Request, settings: Settings, body: Body, names: tuple[str, ...]) -> tuple[bytes, ...]:
    """The files of these names, from multipart parts or from members of JSON; raises ``Refusal``."""
    sent = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if sent == JSON:
        members = await json_object(request, settings, body)
        # In a thread, as some tens of milliseconds go by: other requests need not wait.
        return tuple([await asyncio.to_thread(from_member, members, name) for name in names])
    if sent != "multipart/form-data":
        said = f"Content type '{sent[:80]}' not supported: send multipart/form-data or application/json"
        raise Refusal(said, Code.UNDEFINED, 415)
    try:
        async with bodies.form(request, _most(settings), body) as fields:
            files = [_part(fields, name) for name in names]
            for file in files:
                _check_extension(file.filename or "")
            return tuple([_small(await file.read()) for file in files])
    except TooLarge as error:
        raise _too_large(error) from None


async def json_value(request: Request, settings: Settings, body: Body) -> Any:
    """The JSON in the body, whatever its content type; raises ``Refusal`` and ``BadDocument``."""
    try:
        return await bodies.value(request, JSON, _most(settings), body)
    except TooLarge as error:
        raise _too_large(error) from None


async def json_object(request: Request, settings: Settings, body: Body) -> dict[str, Any]:
    """The members of the JSON object in the body."""
    found = await json_value(request, settings, body)
    if not isinstance(found, dict):
        raise Refusal("The body should be a JSON object", Code.UNDEFINED)
    return found


def from_member(members: dict[str, Any], name: str) -> bytes:
    """The bytes whose base64 is in a member."""
    raw = members.get(name)
    if raw is None:
        raise empty_field(name)
    if not isinstance(raw, str):
        raise not_base64()
    text = raw.translate(_STANDARD).rstrip("=")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise not_base64() from None
    return _small(data)


def subject_member(members: dict[str, Any]) -> str:
    """The subject in a body, which may be empty."""
    raw = members.get("subject")
    if raw is None:
        raise empty_field("subject")
    if not isinstance(raw, str):
        raise constraints("Subject name should be a string")
    return raw


def _most(settings: Settings) -> int:
    return min(MAX_REQUEST, settings.max_body_bytes)


def _part(fields: FormData, name: str) -> UploadFile:
    found = fields.get(name)
    if not isinstance(found, UploadFile):  # not there, or without a file name: no file
        raise missing_part(name)
    return found


def _check_extension(name: str) -> None:
    if "." not in name or name.rsplit(".", 1)[1].lower() not in _EXTENSIONS:
        raise bad_extension(name)


def _small(data: bytes) -> bytes:
    if len(data) > MAX_FILE:
        raise Refusal(f"The file has {len(data)} bytes, {MAX_FILE} are allowed", Code.UNDEFINED)
    return data


def _too_large(error: TooLarge) -> Refusal:
    return Refusal(error.message, Code.UNDEFINED, 413)
