"""JSON and msgpack, both ways: bytes to plain Python values and back.

In a document blobs are base64 text (from JSON) or ``bytes`` (from msgpack, or written by us). JSON shows ``bytes`` as
base64; msgpack shows them as bin, also those that came in as base64 under the keys where the dialects keep blobs.
"""

from collections.abc import Mapping
from typing import Any

import msgpack
import msgspec

from schemas.errors import BadDocument, BadEncoding
from schemas.fields import Json, blob

JSON = "application/json"
MSGPACK = "application/msgpack"


def decode_body(body: bytes, media_type: str) -> Any:
    """The value that ``body`` stands for; raises ``BadDocument`` where it is malformed."""
    try:
        if media_type == MSGPACK:
            return msgpack.unpackb(body, object_pairs_hook=_object)
        return msgspec.json.decode(body)
    except RecursionError:
        raise BadDocument("The body is nested too deeply", (), "recursion") from None
    except (ValueError, msgspec.MsgspecError, msgpack.UnpackException) as error:
        name = "msgpack" if media_type == MSGPACK else "JSON"
        told = str(error) or type(error).__name__
        raise BadDocument(f"{name} decode error: {told}", (), f"{name.lower()}_invalid") from None


def _object(members: list[tuple[Any, Any]]) -> Json:
    """A map of msgpack, whose keys must be text, as those of JSON are."""
    if not all(isinstance(key, str) for key, _ in members):
        raise ValueError("keys must be strings")
    return dict(members)


def encode_body(value: Any, media_type: str) -> bytes:
    """``value`` in the format of ``media_type``; raises ``BadDocument`` where that format cannot carry it."""
    try:
        if media_type == MSGPACK:
            packed: bytes = msgpack.packb(_with_bins(value))
            return packed
        return msgspec.json.encode(value, enc_hook=_plain)
    except RecursionError:
        raise BadDocument("The document is nested too deeply", (), "recursion") from None
    except (OverflowError, TypeError, ValueError) as error:
        raise BadDocument(f"The document cannot be written as {media_type}: {error}") from None


def _plain(value: Any) -> Any:
    """What JSON shows of msgpack's own types."""
    if isinstance(value, msgpack.Timestamp):
        return value.to_datetime()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _with_bins(value: Any) -> Any:
    """A copy of a document in which every blob is bytes."""
    if not isinstance(value, Mapping):
        return value
    out: Json = {key: _binary(key, each) for key, each in value.items()}
    for key in ("objects", "samples"):
        if isinstance(out.get(key), list):
            out[key] = [_with_bins(each) for each in out[key]]
    return out


def _binary(key: Any, value: Any) -> Any:
    if isinstance(value, str) and isinstance(key, str) and key.startswith("$"):
        return _bytes(value)
    if isinstance(value, Mapping) and isinstance(key, str) and (key.startswith("_") or key == "template"):
        return {name: _bytes(each) if name == "blob" else _binary(name, each) for name, each in value.items()}
    return value


def _bytes(value: Any) -> Any:
    """The bytes of base64 text; what is not base64 is not a blob and stays as it is."""
    if not isinstance(value, str):
        return value
    try:
        return blob(value)
    except BadEncoding:
        return value
