"""What alerts were told."""

import sqlalchemy as sa
from alembic import op

from medianest.storage.tables import Utc

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of alerts."""
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("at", Utc, nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("severity", sa.Integer, nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
    )
    op.create_index("ix_alerts_newest", "alerts", ["at", "id"])
    op.create_index("ix_alerts_key", "alerts", ["key", "at"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("alerts")
