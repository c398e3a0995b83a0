"""What is stored, as values."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from schemas.attributes import Box

T = TypeVar("T")


class Collection(NamedTuple):
    """A set of members: a face collection, watchlist or gallery; ``key`` is unique among those of its ``kind``."""

    number: int
    kind: str
    key: str
    name: str
    full_name: str | None
    threshold: float | None  # in the façade's own scale
    colour: str | None
    settings: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime | None


class Member(NamedTuple):
    """A person: a subject, a watchlist member; ``key`` is unique within its ``space``."""

    number: int
    space: str
    key: str
    name: str
    full_name: str | None
    note: str | None
    labels: Sequence[Mapping[str, str]]  # {"key", "value"}
    created_at: datetime
    updated_at: datetime | None


class StoredImage(NamedTuple):
    """An encoded image to keep: a whole photo, or the crop of a face; sides are pixels, upright."""

    data: bytes
    media_type: str
    width: int
    height: int
    thumbnail: bytes | None = None  # JPEG


class NewFace(NamedTuple):
    """A face to enrol; the box is relative to the photo."""

    template: bytes
    box: Box | None = None
    confidence: float | None = None  # of detection, 0..1
    quality: float | None = None  # total_score, 0..1
    photo: StoredImage | None = None  # one object for all faces of a photo, which then is kept once
    crop: StoredImage | None = None
    id: UUID | None = None  # made where there is none
    details: Mapping[str, Any] = {}  # what the façade notes of it, for itself


class Face(NamedTuple):
    """An enrolled face; ``model`` names the model of its template, as in ``foamliu version 1``."""

    id: UUID
    number: int  # in the order of enrolment
    member: int  # its number
    model: str
    template: bytes
    box: Box | None
    confidence: float | None
    quality: float | None
    photo: UUID | None
    crop: UUID | None
    created_at: datetime
    details: Mapping[str, Any] = {}  # what the façade noted of it


class Match(NamedTuple):
    """A member found by a template: the closest of its faces, and the collections it is in, of those searched."""

    member: Member
    face: UUID
    template: bytes
    collections: tuple[int, ...]  # their numbers, ascending


class Key(NamedTuple):
    """An API key, without the key itself."""

    id: UUID
    scopes: tuple[str, ...]
    owner: str | None  # the group that it belongs to
    name: str
    collection: int | None  # the number of the one it opens
    created_at: datetime
    revoked_at: datetime | None


class Page(NamedTuple, Generic[T]):
    """Some of a list; ``total`` is the length of all of it."""

    items: list[T]
    total: int
