"""The requests of a benchmark, built beforehand: a photo in each of the three formats, a photo with its faces."""

import base64
from collections.abc import Callable, Mapping, Sequence

import httpx
import msgpack
import msgspec

from bench.load import request_bytes
from bench.photos import Photo
from bench.pipeline import ANALYTICS, FITTER
from schemas.fields import Json
from schemas.wire import JSON, MSGPACK, decode_body

_BOUNDARY = "facet-benchmark"
_QUERY = f"graph={ANALYTICS}&echo=false"


def multipart(url: str, photo: bytes) -> bytes:
    """The photo as a form's file: the only format that every system here takes."""
    lines = [
        f"--{_BOUNDARY}",
        'Content-Disposition: form-data; name="image"; filename="photo.jpg"',
        "Content-Type: image/jpeg",
        "",
        "",
    ]
    body = "\r\n".join(lines).encode() + photo + f"\r\n--{_BOUNDARY}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    return request_bytes(f"{url}/graph/v2/process/image?{_QUERY}", body, headers)


def as_json(url: str, photo: bytes) -> bytes:
    """The photo as base64 in a JSON document."""
    body = msgspec.json.encode(_document(base64.b64encode(photo).decode()))
    return request_bytes(f"{url}/graph/v2/process/sample?{_QUERY}", body, {"Content-Type": JSON})


def as_msgpack(url: str, photo: bytes) -> bytes:
    """The photo as bytes in a msgpack document."""
    body = msgpack.packb(_document(photo))
    return request_bytes(f"{url}/graph/v2/process/sample?{_QUERY}", body, {"Content-Type": MSGPACK})


FORMATS: Mapping[str, Callable[[str, bytes], bytes]] = {
    "multipart": multipart,
    "json": as_json,
    "msgpack": as_msgpack,
}


def single(url: str, service: str, photo: Photo, objects: Sequence[Json] | None) -> bytes:
    """A request to one service in msgpack: the photo, with the objects that a detector found where it takes any."""
    members = {} if objects is None else {"objects": list(objects)}
    body = msgpack.packb(_document(photo.data) | members)
    return request_bytes(f"{url}/{service}/v2/process/sample?echo=false", body, {"Content-Type": MSGPACK})


def detected(url: str, photo: Photo) -> list[Json]:
    """The objects that the server's fitter finds on a photo, as it answers them in msgpack."""
    body = msgpack.packb(_document(photo.data))
    answer = httpx.post(
        f"{url}/{FITTER}/v2/process/sample?echo=false", content=body, headers={"Content-Type": MSGPACK}, timeout=60
    )
    answer.raise_for_status()
    objects: list[Json] = decode_body(answer.content, MSGPACK)["objects"]
    return objects


def object_count(body: bytes, media_type: str) -> int:
    """How many objects an answer has; -1 where it is no document."""
    try:
        return len(decode_body(body, media_type)["objects"])
    except (ValueError, KeyError, TypeError):
        return -1


def _document(image: str | bytes) -> Json:
    return {"_image": {"blob": image, "format": "IMAGE"}}
