"""The face template: 296 bytes that say which model made them and hold its vector, checked by a checksum.

All numbers are little-endian.

    offset  bytes  type     content
         0      4  ASCII    magic, "FACT"
         4      1  uint8    layout version, 1
         5      1  uint8    element type: 1 = float16, 2 = int8
         6      2  uint16   dimension: 128 for float16, 256 for int8
         8      4  float32  scale, finite and above 0: component = element * scale; 1 for float16
        12     16  ASCII    model name, lower-case letters, digits and hyphens, filled up with zero bytes
        28      2  uint16   model version, from 1
        30      6           reserved, zero
        36      4  uint32   CRC-32 (as in zlib and PNG) of bytes 0 to 35 followed by bytes 40 to 295
        40    256           the elements

The vector means a direction: its length is 1 before it is encoded and is made 1 again when it is decoded, so that the
rounding of the elements does not change the similarity of a template with itself. Two vectors of one model and version
are compared by their cosine, see ``estimators/matcher.py``; those of different models cannot be compared.

A new network, crop, normalisation or reduction of a model is a new model version; a new arrangement of the bytes is a
new layout version.
"""

import re
import struct
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.errors import Fault

SIZE = 296  # bytes

_HEADER = struct.Struct("<4sBBHf16sH6s")  # all of the header but the checksum
_CHECKSUM = struct.Struct("<I")
_BODY = _HEADER.size + _CHECKSUM.size  # where the elements begin
_MAGIC = b"FACT"
_LAYOUT = 1
_FLOAT16, _INT8 = 1, 2
_DIMENSIONS = {_FLOAT16: 128, _INT8: 256}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,15}")
_TOP = 127  # the largest int8; -128 is not used, so that a vector and its opposite round alike


class BadTemplate(Fault):
    """Bytes that should be a template are not; the message says what is wrong."""


class TemplateMismatch(BadTemplate):
    """Two templates cannot be compared; the message names their models."""


class Template(NamedTuple):
    """``vector`` is (128,) or (256,) float32 of length 1."""

    model: str
    version: int
    vector: NDArray[np.float32]


def encode(template: Template) -> bytes:
    """The 296 bytes of a template; a vector of 128 is stored as float16, one of 256 as int8.

    The vector need not have length 1, but must be finite and not zero.
    """
    model, version, vector = template
    if not _NAME.fullmatch(model) or not 1 <= version <= 0xFFFF:
        raise BadTemplate(f"no such model identity: {model!r} version {version}")
    unit = _unit(vector)
    if unit.shape == (_DIMENSIONS[_FLOAT16],):
        element, scale, body = _FLOAT16, 1.0, unit.astype("<f2").tobytes()
    elif unit.shape == (_DIMENSIONS[_INT8],):
        element, scale = _INT8, float(np.abs(unit).max()) / _TOP
        body = np.rint(unit / scale).astype(np.int8).tobytes()
    else:
        raise BadTemplate(f"expected a vector of 128 or 256 components, got shape {unit.shape}")
    name = model.encode("ascii")
    header = _HEADER.pack(_MAGIC, _LAYOUT, element, len(unit), scale, name, version, bytes(6))
    return header + _CHECKSUM.pack(zlib.crc32(body, zlib.crc32(header))) + body


def decode(blob: bytes) -> Template:
    """The template in ``blob``; raises ``BadTemplate`` if there is none."""
    if len(blob) != SIZE:
        raise BadTemplate(f"wrong size: expected a template of {SIZE} bytes, got {len(blob)}")
    _check_seal(blob)
    _, _, element, dimension, scale, name, version, reserved = _HEADER.unpack_from(blob)
    if _DIMENSIONS.get(element) != dimension:
        raise BadTemplate(f"unknown element type {element} of dimension {dimension} in the template")
    if not np.isfinite(scale) or scale <= 0:
        raise BadTemplate(f"the template's scale must be finite and above 0, is {scale}")
    if version == 0:
        raise BadTemplate("the template's model version must be 1 or more, is 0")
    if any(reserved):
        raise BadTemplate("the template's reserved bytes must be zero")
    elements = np.frombuffer(blob, "<f2" if element == _FLOAT16 else np.int8, dimension, _BODY)
    return Template(_identity(name), version, _unit(elements.astype(np.float64) * scale))


def key(blob: bytes) -> str:
    """The name of a template's model in documents: ``_face_template_extractor_<model>_<version>``."""
    template = decode(blob)
    return f"_face_template_extractor_{template.model}_{template.version}"


def _check_seal(blob: bytes) -> None:
    """Raises ``BadTemplate`` unless magic, layout version and checksum are right."""
    magic, layout = blob[: len(_MAGIC)], blob[len(_MAGIC)]
    if magic != _MAGIC:
        raise BadTemplate(f"not a template: expected it to begin with {_MAGIC!r}, got {magic!r}")
    if layout != _LAYOUT:
        raise BadTemplate(f"unknown layout version {layout} of the template, expected {_LAYOUT}")
    if _CHECKSUM.unpack_from(blob, _HEADER.size)[0] != zlib.crc32(blob[_BODY:], zlib.crc32(blob[: _HEADER.size])):
        raise BadTemplate("bad checksum: the template was changed or damaged")


def _identity(name: bytes) -> str:
    model = name.rstrip(b"\0").decode("latin-1")
    if not _NAME.fullmatch(model):
        raise BadTemplate(f"the template's model name is not one: {model!r}")
    return model


def _unit(vector: NDArray[np.floating]) -> NDArray[np.float32]:
    """The vector at length 1."""
    wide = np.asarray(vector, np.float64)
    largest = float(np.abs(wide).max(initial=0.0))
    if not np.isfinite(largest) or largest == 0:
        raise BadTemplate("the template's vector is zero or not finite")
    wide = wide / largest  # so that squaring cannot overflow
    return np.asarray(wide / np.linalg.norm(wide), np.float32)
