"""Reading single JSON fields, with errors that say where and why in the words that FastAPI's clients know."""

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any

from schemas.errors import BadDocument, BadEncoding

Json = dict[str, Any]


def member(raw: Any, *path: str) -> Any:
    """The value under a path of keys, none of which may be absent."""
    for depth, key in enumerate(path):
        if not isinstance(raw, Mapping):
            raise BadDocument("Input should be an object", path[:depth], "dict_type")
        if key not in raw:
            raise BadDocument("Field required", path[: depth + 1], "missing")
        raw = raw[key]
    return raw


def number(raw: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number in [low, high]."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise BadDocument("Input should be a valid number", (), "float_type")
    try:
        value = float(raw)
    except OverflowError:  # an integer beyond what a float can hold
        value = math.inf
    if not math.isfinite(value):
        raise BadDocument("Input should be a finite number", (), "finite_number")
    if not low <= value <= high:
        raise BadDocument(f"Input should be between {low:g} and {high:g}", (), "out_of_range")
    return value


def numbers(raw: Any, count: int, low: float = -math.inf, high: float = math.inf) -> list[float]:
    """A list of exactly ``count`` finite numbers in [low, high]."""
    if not isinstance(raw, list | tuple) or len(raw) != count:
        raise BadDocument(f"Input should be a list of {count} numbers", (), "list_type")
    return [within(index, number, each, low, high) for index, each in enumerate(raw)]


def boolean(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise BadDocument("Input should be a valid boolean", (), "bool_type")
    return raw


def text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise BadDocument("Input should be a valid string", (), "string_type")
    return raw


def choice(raw: Any, choices: Mapping[str, Any]) -> Any:
    """What ``choices`` says of a string that must be one of its keys."""
    if not isinstance(raw, str) or raw not in choices:
        raise BadDocument(f"Input should be {' or '.join(map(repr, choices))}", (), "enum")
    return choices[raw]


def blob(raw: Any) -> bytes:
    """Binary data: bytes (from msgpack) or base64 text, in which white space is allowed."""
    if isinstance(raw, bytes):
        return raw
    if not isinstance(raw, str):
        raise BadDocument("Input should be a base64 string", (), "string_type")
    try:
        return base64.b64decode(raw, validate=True)
    except (ValueError, binascii.Error):
        pass
    try:
        return base64.b64decode("".join(raw.split()), validate=True)
    except (ValueError, binascii.Error):
        raise BadEncoding("Failed to decode base64 string") from None


def within(place: str | int, read: Any, raw: Any, *arguments: Any) -> Any:
    """``read(raw, *arguments)``, with its faults placed under ``place``."""
    try:
        return read(raw, *arguments)
    except BadDocument as fault:
        raise fault.under(place) from None
