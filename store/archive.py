"""The file of exported members: msgpack, written and read a record at a time.

The file is a row of frames ``[kind, content, checksum]``. Kinds are ``header``, ``collection``, ``member``, ``image``,
``face`` and ``end``; a member comes before its faces, an image before the first face that it shows, and ``end`` says
how many of each there were. A content is the msgpack of a map, a checksum the CRC-32 of it and, through the one before,
of all that came before. So whatever is missing, changed or in another place is noticed, and told with its position.

API keys and the history are not exported.
"""

import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple
from uuid import UUID

import msgpack
import msgspec

from store.errors import Damaged

FORMAT, VERSION = "facet-identities", 1
_LARGEST = 2**30  # bytes of a frame


class Model(msgspec.Struct, frozen=True):
    """A model of templates."""

    name: str
    version: int
    dimension: int


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What the file is, and whose templates it holds."""

    format: str
    version: int
    created_at: datetime
    models: list[Model]


class CollectionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A collection; its keys and events are not in the file."""

    kind: str
    key: str
    name: str
    full_name: str | None
    threshold: float | None
    colour: str | None
    settings: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None


class MemberRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A member, and the collections it is in."""

    space: str
    key: str
    name: str
    full_name: str | None
    note: str | None
    labels: list[dict[str, str]]
    created_at: datetime
    updated_at: datetime | None
    collections: list[tuple[str, str]]  # kind and key


class ImageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A photo or a crop."""

    id: UUID
    data: bytes
    media_type: str
    width: int
    height: int
    thumbnail: bytes | None
    created_at: datetime


class FaceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A face of the member before it; photo and crop are images before it."""

    id: UUID
    template: bytes
    box: tuple[float, float, float, float] | None
    confidence: float | None
    quality: float | None
    photo: UUID | None
    crop: UUID | None
    created_at: datetime
    details: dict[str, Any]


class End(msgspec.Struct, frozen=True):
    """How many records of each kind there are before."""

    counts: dict[str, int]


_KINDS: dict[str, type[msgspec.Struct]] = {
    "header": Header,
    "collection": CollectionRecord,
    "member": MemberRecord,
    "image": ImageRecord,
    "face": FaceRecord,
    "end": End,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


class Writer:
    """Writes records to a file, and counts them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._checksum = file, 0
        self.counts: Counter[str] = Counter()

    def write(self, record: msgspec.Struct) -> None:
        """Appends a record."""
        name = _NAMES[type(record)]
        content = msgspec.msgpack.encode(record)
        self._checksum = zlib.crc32(content, zlib.crc32(name.encode(), self._checksum))
        self._file.write(msgpack.packb([name, content, self._checksum]))
        self.counts[name] += 1

    def end(self) -> None:
        """Writes that this was all."""
        self.write(End(dict(self.counts)))


class Read(NamedTuple):
    """A record, and the byte at which its frame begins."""

    position: int
    record: msgspec.Struct


def read(file: BinaryIO) -> Iterator[Read]:
    """The records of a file between its header, which is the first, and its end; raises ``Damaged``.

    Only when this is through is it known that nothing is missing.
    """
    frames = msgpack.Unpacker(file, max_buffer_size=_LARGEST, strict_map_key=True)
    counts: Counter[str] = Counter()
    checksum = 0
    while True:
        position = int(frames.tell())
        name, content, told = _frame(frames, position)
        checksum = zlib.crc32(content, zlib.crc32(name.encode(), checksum))
        if told != checksum:
            raise Damaged(f"byte {position}: bad checksum: this record or one before was changed, moved or lost")
        try:
            record = msgspec.msgpack.decode(content, type=_KINDS[name])
        except (KeyError, msgspec.MsgspecError) as error:
            raise Damaged(f"byte {position}: no record of the kind {name!r:.20}: {error}") from error
        _check_place(record, counts, position)
        if isinstance(record, End):
            if frames.read_bytes(1):
                raise Damaged(f"byte {int(frames.tell()) - 1}: the file goes on after its end")
            return
        counts[name] += 1
        yield Read(position, record)


def _frame(frames: Any, position: int) -> tuple[str, bytes, int]:
    try:
        frame = next(frames)
    except StopIteration:
        raise Damaged(f"byte {position}: the file ends before its end was written, or copied") from None
    except (ValueError, msgpack.UnpackException) as error:
        raise Damaged(f"byte {position}: not msgpack: {error}") from error
    match frame:
        case [str(name), bytes(content), int(checksum)]:
            return name, content, checksum
    raise Damaged(f"byte {position}: not an export of members")


def _check_place(record: msgspec.Struct, counts: Counter[str], position: int) -> None:
    """Raises ``Damaged`` unless the header is the first, of this version, and the end knows what came before."""
    if isinstance(record, Header) != (not counts):
        raise Damaged(f"byte {position}: the file must begin with one header")
    if isinstance(record, Header) and (record.format, record.version) != (FORMAT, VERSION):
        raise Damaged(f"byte {position}: {record.format!r:.40} {record.version}, where {FORMAT} {VERSION} is read")
    if isinstance(record, End) and record.counts != dict(counts):
        raise Damaged(f"byte {position}: the file has other records than its end says")
