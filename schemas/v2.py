"""Dialect v2: ``_image`` as a typed blob, lower-case labels, relative key points, ``pose``, ``has_medical_mask``."""

import math
from collections.abc import Mapping
from typing import Any

from schemas.attributes import (
    ANGLES,
    KEYPOINT_NAMES,
    KEYPOINTS,
    MASK,
    QUALITY,
    QUALITY_NAMES,
    TEMPLATE,
    Point,
)
from schemas.common import (
    FURTHEST,
    dump_angles,
    dump_measure,
    dump_scored,
    fraction,
    load_angles,
    load_measure,
    load_scored,
    spelled,
)
from schemas.dialect import Dialect, ImageField, Picture, at
from schemas.errors import BadDocument
from schemas.fields import Json, blob, choice, member, numbers, within
from schemas.template import BadTemplate, key

_BYTES = {"uint8": "uint8", "uint8_t": "uint8"}  # the second is the vendor's C++ spelling


def _points(raw: Any) -> tuple[Point, ...]:
    return tuple(Point(*map(fraction, within(name, _projection, member(raw, name)))) for name in KEYPOINT_NAMES)


def _projection(raw: Any) -> list[float]:
    found: list[float] = within("proj", numbers, member(raw, "proj"), 2, -FURTHEST, FURTHEST)
    return found


def _keypoints(points: tuple[Point, ...]) -> Json:
    named = {name: {"proj": list(point)} for name, point in zip(KEYPOINT_NAMES, points, strict=True)}
    return {**named, "fitter_type": "fda"}


def _load_quality(raw: Any) -> Mapping[str, float | bool]:
    return {name: load_measure(raw, name, name) for name in QUALITY_NAMES}


def _dump_quality(quality: Mapping[str, float | bool]) -> Json:
    return {name: dump_measure(value) for name, value in quality.items()}


def _load_template(raw: Any) -> bytes:
    keys = [name for name in raw if str(name).startswith("_")] if isinstance(raw, Mapping) else []
    if len(keys) != 1:
        raise BadDocument("Input should be an object with one member whose name begins with '_'", (), "dict_type")
    array = member(raw, keys[0])
    data: bytes = within(keys[0], lambda each: within("blob", blob, member(each, "blob")), array)
    within(keys[0], _check_bytes, array)
    if array.get("shape") not in (None, [len(data)]):
        raise BadTemplate(f"shape says {array['shape']!r:.40}, the template has {len(data)} bytes")
    return data


def _check_bytes(array: Any) -> None:
    within("format", choice, array.get("format") or "NDARRAY", {"NDARRAY": None})
    within("dtype", choice, array.get("dtype") or "uint8", _BYTES)


def _dump_template(data: bytes) -> Json:
    return {key(data): {"blob": data, "format": "NDARRAY", "dtype": "uint8", "shape": [len(data)]}}


def _picture(raw: Any) -> Picture:
    """An encoded image, or with format NDARRAY the bare RGB rows of one."""
    if isinstance(raw, str | bytes):  # some clients send the base64 text alone
        raw = {"blob": raw}
    data = within("blob", blob, member(raw, "blob"))
    if not data:
        raise BadDocument("Input should be an image in base64, not an empty string", ("blob",))
    form = within("format", choice, raw.get("format") or "IMAGE", {"IMAGE": "IMAGE", "NDARRAY": "NDARRAY"})
    if form == "IMAGE":
        return Picture(data)
    within("dtype", choice, member(raw, "dtype"), _BYTES)
    return Picture(data, within("shape", _shape, member(raw, "shape"), len(data)))


def _shape(raw: Any, size: int) -> tuple[int, int, int]:
    height, width, channels = numbers(raw, 3, 1, 1e6)
    if not height.is_integer() or not width.is_integer() or channels != 3:
        raise BadDocument("Input should be [height, width, 3]", (), "value_error")
    if math.prod(raw) != size:
        raise BadDocument(f"Input should describe the {size} bytes of the blob", (), "value_error")
    return int(height), int(width), 3


V2 = Dialect(
    "v2",
    ImageField("_image", ("image",), _picture, lambda data: {"blob": data, "format": "IMAGE"}),
    [
        *spelled(str.lower),
        at("has_medical_mask", MASK, load_scored, dump_scored),
        at("pose", ANGLES, load_angles, dump_angles),
        at("quality", QUALITY, _load_quality, _dump_quality),
        at("keypoints", KEYPOINTS, _points, _keypoints),
        at("template", TEMPLATE, _load_template, _dump_template),
    ],
)
