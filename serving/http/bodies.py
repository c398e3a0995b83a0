"""Requests to values and values to responses: bodies, content types, options, limits."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from schemas import BadDocument, TooLarge
from schemas.fields import Json, number
from schemas.wire import JSON, MSGPACK, decode_body, encode_body
from serving.engine.context import Context, Options, Timings
from serving.http.admission import Body
from serving.http.errors import BadHeader, BadOption, Problem, UnsupportedMedia
from serving.settings import Settings

_MSGPACK_NAMES = {MSGPACK, "application/x-msgpack", "application/vnd.msgpack"}
_LARGE = 2**20  # bytes; bodies beyond are decoded and encoded in a thread, not to hold up other requests
_FOREVER = 1e6  # seconds, more than any request may take


def options(request: Request) -> Options:
    """The options of a request; raises ``BadOption`` for a value that an option does not take."""
    query = request.query_params
    minimal = "return=minimal" in request.headers.get("prefer", "").replace(" ", "").lower()
    raw = query.get("min_confidence")
    threshold = None if raw is None else _fraction("min_confidence", raw)
    failure = query.get("on_failure", "fail")
    if failure not in {"fail", "partial"}:
        raise BadOption("Input should be 'fail' or 'partial'", ("on_failure",), "enum")
    return Options(
        media_type=_answer_type(request),
        echo=_flag(request, "echo", not minimal),
        timings=_flag(request, "timings", False),
        partial=failure == "partial",
        threshold=threshold,
        seconds=_seconds(request),
    )


def _seconds(request: Request) -> float | None:
    """What ``X-Request-Timeout`` says; None where it is not there."""
    raw = request.headers.get("x-request-timeout")
    if raw is None:
        return None
    try:
        return number(float(raw), 0.0, _FOREVER)
    except ValueError:
        raise BadHeader("Input should be a number of seconds", ("X-Request-Timeout",), "float_parsing") from None


def _fraction(name: str, raw: str) -> float:
    try:
        return number(float(raw), 0.0, 1.0)
    except ValueError:  # text that is no number, or a number out of range
        raise BadOption("Input should be a number between 0 and 1", (name,), "float_parsing") from None


def _flag(request: Request, name: str, default: bool) -> bool:
    raw = request.query_params.get(name)
    if raw is None:
        return default
    if raw.lower() not in {"true", "false", "1", "0"}:
        raise BadOption("Input should be 'true' or 'false'", (name,), "bool_parsing")
    return raw.lower() in {"true", "1"}


def _media_type(value: str | None) -> str:
    return (value or "").split(";")[0].strip().lower()


def _answer_type(request: Request) -> str:
    """The type that the client accepts by name, the one it prefers of both, otherwise the one that it sent."""
    weights = {JSON: 0.0, MSGPACK: 0.0}
    for each in request.headers.get("accept", "").split(","):
        named = MSGPACK if _media_type(each) in _MSGPACK_NAMES else _media_type(each)
        if named in weights:
            weights[named] = max(weights[named], _weight(each))
    if weights[JSON] == weights[MSGPACK]:
        return MSGPACK if _media_type(request.headers.get("content-type")) in _MSGPACK_NAMES else JSON
    return max(weights, key=lambda name: weights[name])


def _weight(accepted: str) -> float:
    """The q of an entry of an Accept header; one that is malformed counts as absent."""
    _, _, raw = accepted.replace(" ", "").partition(";q=")
    try:
        return float(raw) if raw else 1.0
    except ValueError:
        return 1.0


async def payload(request: Request, settings: Settings, body: Body) -> Any:
    """The value in the body of a ``process/sample`` request.

    A body is JSON unless its content type says msgpack: clients that forget the header send JSON.
    """
    sent = _media_type(request.headers.get("content-type"))
    if sent.startswith("multipart/"):
        raise UnsupportedMedia("process/sample takes application/json or application/msgpack")
    return await value(request, MSGPACK if sent in _MSGPACK_NAMES else JSON, settings.max_body_bytes, body)


async def value(request: Request, media_type: str, limit: int, body: Body) -> Any:
    """The value that a body of at most ``limit`` bytes stands for."""
    data = b"".join([chunk async for chunk in _limited(request, limit, body)])
    if len(data) < _LARGE:
        return decode_body(data, media_type)
    return await asyncio.to_thread(decode_body, data, media_type)


async def uploaded_image(request: Request, settings: Settings, body: Body) -> bytes:
    """The file in the field ``image`` of a ``process/image`` request."""
    if _media_type(request.headers.get("content-type")) != "multipart/form-data":
        raise UnsupportedMedia("process/image takes multipart/form-data with the image in the field 'image'")
    async with form(request, settings.max_body_bytes, body) as fields:
        field = fields.get("image")
        if field is None:
            raise BadDocument("Field required", ("image",), "missing")
        if isinstance(field, UploadFile):
            data = await field.read()
        else:  # a part without a file name is text to the parser, which reads what is not UTF-8 as Latin-1
            data = field.encode("latin-1", "replace")
    if not data:
        raise BadDocument("Input should be an image, not an empty file", ("image",), "value_error")
    return data


@asynccontextmanager
async def form(request: Request, limit: int, body: Body) -> AsyncIterator[FormData]:
    """The fields of a multipart body of at most ``limit`` bytes, files among them, as long as the block lasts."""
    parser = MultiPartParser(
        request.headers, _limited(request, limit, body), max_files=8, max_fields=64, max_part_size=limit
    )
    parser.spool_max_size = limit  # no photo is written to a file
    try:
        fields = await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError) as error:
        raise BadDocument(f"The multipart body is malformed: {error}", (), "multipart_invalid") from None
    try:
        yield fields
    finally:
        await fields.close()


async def _limited(request: Request, limit: int, body: Body) -> AsyncGenerator[bytes, None]:
    """The body in chunks, refused as soon as more has come than may, whatever its Content-Length says."""
    message = f"The request body is larger than {limit} bytes"
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise TooLarge(message)
    async for chunk in request.stream():
        body.grow(len(chunk))
        if body.size > limit:
            raise TooLarge(message)
        yield chunk


async def answer(content: Json, context: Context, body: Body) -> Response:
    """The response with ``content`` in the chosen format, to a request with such a ``body``."""
    media_type = context.options.media_type
    with context.timings.measure("encode"):
        if context.options.echo and body.size >= _LARGE:
            data = await asyncio.to_thread(encode_body, content, media_type)
        else:
            data = encode_body(content, media_type)
    return Response(data, media_type=media_type, headers={"Server-Timing": context.timings.header()})


def failure(request: Request, found: Problem, timings: Timings | None = None) -> Response:
    """The response that tells of an error, in the format that the client accepts."""
    request.state.kind = found.kind
    media_type = _answer_type(request)
    body = encode_body({"detail": found.detail}, media_type)
    headers = found.headers | ({"Server-Timing": timings.header()} if timings else {})
    return Response(body, found.status, media_type=media_type, headers=headers)
