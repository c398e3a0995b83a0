"""The requests of the benchmark are what can be read again."""

from collections.abc import Iterator

import msgpack
import pytest
from starlette.datastructures import UploadFile
from starlette.requests import Request

from bench.formats import FORMATS, object_count, single
from bench.photos import Photo
from schemas import Document
from schemas.v2 import V2
from schemas.wire import JSON, MSGPACK, decode_body, encode_body

PHOTO = bytes(range(256)) + b"--facet-benchmark\r\n"


def received(raw: bytes) -> Request:
    """The request as Starlette would see it."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, target, _ = first.decode().split(" ")
    path, _, query = target.partition("?")
    headers = [(name.lower(), value) for name, value in (line.split(b": ", 1) for line in lines)]
    parts: Iterator[bytes] = iter((body[:100], body[100:]))

    async def receive() -> dict[str, object]:
        part = next(parts, b"")
        return {"type": "http.request", "body": part, "more_body": part != body[100:]}

    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": headers}
    return Request(scope, receive)


async def sent(request: Request) -> Document:
    """The document in a request's body, by its content type."""
    return Document.of(decode_body(await request.body(), request.headers["content-type"]), V2)


@pytest.mark.parametrize("form", FORMATS)
async def test_the_photo_arrives_in_every_format(form: str) -> None:
    request = received(FORMATS[form]("http://127.0.0.1:8000", PHOTO))
    assert request.query_params["graph"] == "face-analytics"
    assert request.query_params["echo"] == "false"
    if form == "multipart":
        assert request.url.path == "/graph/v2/process/image"
        async with request.form() as fields:
            file = fields["image"]
            assert isinstance(file, UploadFile)
            assert await file.read() == PHOTO
    else:
        assert request.url.path == "/graph/v2/process/sample"
        assert (await sent(request)).picture().data == PHOTO


@pytest.mark.parametrize("objects", [None, [{"class": "face", "bbox": [0, 0, 1, 1]}]])
async def test_a_single_service_gets_the_photo_and_the_objects(objects: list[dict[str, object]] | None) -> None:
    request = received(single("http://127.0.0.1:8000", "age-estimator", Photo("one", PHOTO, 1), objects))
    assert request.url.path == "/age-estimator/v2/process/sample"
    document = await sent(request)
    assert document.picture().data == PHOTO
    assert document.payload.get("objects") == objects


@pytest.mark.parametrize("media_type", [JSON, MSGPACK])
def test_objects_are_counted_in_both_formats(media_type: str) -> None:
    assert object_count(encode_body({"objects": [{}, {}]}, media_type), media_type) == 2


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"objects": 3}', msgpack.packb([1])])
@pytest.mark.parametrize("media_type", [JSON, MSGPACK])
def test_what_is_no_document_has_no_count(body: bytes, media_type: str) -> None:
    assert object_count(body, media_type) == -1
