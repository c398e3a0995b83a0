"""The tables, as SQLAlchemy knows them; ``store/migrations`` makes them.

One schema for all façades. A *collection* is what they call a face collection, watchlist or gallery. A *member* is a
person: a subject, watchlist member. A *face* is one template of a member, made from one photo. Members belong to any
number of collections. Collections and members carry two names: ``number``, by which tables refer to each other, and
``key``, the client's own identity of it, unique within its ``kind`` or ``space``.
"""

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()

# The transaction that made a row what it is for searches: by it is found what a gallery in memory lacks.
CHANGED = text("pg_current_xact_id()::text::bigint")


def _changed() -> Column[object]:
    return Column("changed", BigInteger, nullable=False, server_default=CHANGED)


def _created() -> Column[object]:
    return Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())


collection = Table(
    "collection",
    metadata,
    Column("number", BigInteger, Identity(), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("full_name", Text),
    Column("threshold", Float),  # in the façade's own scale
    Column("colour", Text),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'")),  # the quality gate among them
    _created(),
    Column("updated_at", DateTime(timezone=True)),
    UniqueConstraint("kind", "key"),
)

member = Table(
    "member",
    metadata,
    Column("number", BigInteger, Identity(), primary_key=True),
    Column("space", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("full_name", Text),
    Column("note", Text),
    Column("labels", JSONB, nullable=False, server_default=text("'[]'")),  # of {"key", "value"}
    _created(),
    Column("updated_at", DateTime(timezone=True)),
    UniqueConstraint("space", "key"),
)

membership = Table(
    "membership",
    metadata,
    Column("member", BigInteger, ForeignKey("member.number", ondelete="CASCADE"), primary_key=True),
    Column("collection", BigInteger, ForeignKey("collection.number", ondelete="CASCADE"), primary_key=True),
    _changed(),
    Index("membership_collection", "collection", "member"),
    Index("membership_changed", "collection", "changed"),
)

template_model = Table(
    "template_model",
    metadata,
    Column("number", SmallInteger, Identity(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("dimension", Integer, nullable=False),
    UniqueConstraint("name", "version"),
)

image = Table(
    "image",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("data", LargeBinary, nullable=False),  # the encoded file
    Column("media_type", Text, nullable=False),
    Column("width", Integer, nullable=False),  # pixels, upright
    Column("height", Integer, nullable=False),
    Column("thumbnail", LargeBinary),  # JPEG, none where the image itself is as small
    _created(),
)

face = Table(
    "face",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, Identity(), nullable=False, unique=True),  # in the order of enrolment
    Column("member", BigInteger, ForeignKey("member.number", ondelete="CASCADE"), nullable=False),
    Column("model", SmallInteger, ForeignKey("template_model.number"), nullable=False),
    Column("template", LargeBinary, nullable=False),  # 296 bytes, see schemas/template.py
    Column("vector", HALFVEC(), nullable=False),  # its direction, of length 1
    Column("box", ARRAY(Float)),  # left, top, right, bottom, relative to the photo
    Column("confidence", Float),  # of detection, 0..1
    Column("quality", Float),  # total_score, 0..1
    Column("photo", Uuid, ForeignKey("image.id", ondelete="SET NULL")),
    Column("crop", Uuid, ForeignKey("image.id", ondelete="SET NULL")),
    _created(),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),  # what a façade noted when it was enrolled
    _changed(),
    Index("face_member", "member"),
    Index("face_changed", "changed"),
    Index("face_photo", "photo", postgresql_where=text("photo IS NOT NULL")),
    Index("face_crop", "crop", postgresql_where=text("crop IS NOT NULL")),
    Index("face_model", "model"),
)

key = Table(
    "key",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),  # SHA-256 of the key, which is nowhere else
    Column("scopes", ARRAY(Text), nullable=False),
    Column("owner", Text),
    Column("name", Text, nullable=False),
    Column("collection", BigInteger, ForeignKey("collection.number", ondelete="CASCADE")),
    _created(),
    Column("revoked_at", DateTime(timezone=True)),
)

event = Table(
    "event",
    metadata,
    Column("number", BigInteger, Identity(), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("kind", Text, nullable=False),  # "enrolled", "merged", "removed" …
    Column("space", Text),  # of the member it is about
    Column("object_key", Text),  # the key of the member or collection it is about
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    Index("event_at", "at"),
)
