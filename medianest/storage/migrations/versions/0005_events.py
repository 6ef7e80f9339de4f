"""The journal of changes."""

import sqlalchemy as sa
from alembic import op

from medianest.storage.tables import Utc

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make its table."""
    op.create_table(
        "events",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("at", Utc, nullable=False),
        sa.Column("type", sa.String(20), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_newest", "events", ["at", "id"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("events")
