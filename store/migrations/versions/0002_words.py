"""Columns named in the store's own words: ``event.object_key`` and ``key.owner``"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("event", "subject", new_column_name="object_key")
    op.alter_column("key", "application", new_column_name="owner")


def downgrade() -> None:
    op.alter_column("key", "owner", new_column_name="application")
    op.alter_column("event", "object_key", new_column_name="subject")
