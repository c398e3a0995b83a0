"""Collections, members, faces, images, keys and events"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.create_table(
        "collection",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=True),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("colour", sa.Text(), nullable=True),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("kind", "key"),
    )
    op.create_table(
        "event",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("space", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("event_at", "event", ["at"], unique=False)
    op.create_table(
        "image",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("thumbnail", sa.LargeBinary(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "member",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("labels", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("space", "key"),
    )
    op.create_table(
        "template_model",
        sa.Column("number", sa.SmallInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("name", "version"),
    )
    op.create_table(
        "face",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("member", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.SmallInteger(), nullable=False),
        sa.Column("template", sa.LargeBinary(), nullable=False),
        sa.Column("vector", HALFVEC(), nullable=False),
        sa.Column("box", postgresql.ARRAY(sa.Float()), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("quality", sa.Float(), nullable=True),
        sa.Column("photo", sa.Uuid(), nullable=True),
        sa.Column("crop", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        _changed(),
        sa.ForeignKeyConstraint(["crop"], ["image.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["member"], ["member.number"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["model"],
            ["template_model.number"],
        ),
        sa.ForeignKeyConstraint(["photo"], ["image.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index("face_changed", "face", ["changed"], unique=False)
    op.create_index("face_crop", "face", ["crop"], unique=False, postgresql_where=sa.text("crop IS NOT NULL"))
    op.create_index("face_member", "face", ["member"], unique=False)
    op.create_index("face_model", "face", ["model"], unique=False)
    op.create_index("face_photo", "face", ["photo"], unique=False, postgresql_where=sa.text("photo IS NOT NULL"))
    op.create_table(
        "key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("application", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("collection", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["collection"], ["collection.number"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "membership",
        sa.Column("member", sa.BigInteger(), nullable=False),
        sa.Column("collection", sa.BigInteger(), nullable=False),
        _changed(),
        sa.ForeignKeyConstraint(["collection"], ["collection.number"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["member"], ["member.number"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("member", "collection"),
    )
    op.create_index("membership_changed", "membership", ["collection", "changed"], unique=False)
    op.create_index("membership_collection", "membership", ["collection", "member"], unique=False)


def _changed() -> sa.Column[int]:
    transaction = sa.text("pg_current_xact_id()::text::bigint")
    return sa.Column("changed", sa.BigInteger(), server_default=transaction, nullable=False)


def downgrade() -> None:
    op.drop_index("membership_changed", table_name="membership")
    op.drop_index("membership_collection", table_name="membership")
    op.drop_table("membership")
    op.drop_table("key")
    op.drop_index("face_photo", table_name="face", postgresql_where=sa.text("photo IS NOT NULL"))
    op.drop_index("face_model", table_name="face")
    op.drop_index("face_member", table_name="face")
    op.drop_index("face_changed", table_name="face")
    op.drop_index("face_crop", table_name="face", postgresql_where=sa.text("crop IS NOT NULL"))
    op.drop_table("face")
    op.drop_table("template_model")
    op.drop_table("member")
    op.drop_table("image")
    op.drop_index("event_at", table_name="event")
    op.drop_table("event")
    op.drop_table("collection")
