"""What hosts tell each other of circuit breakers, and whose turn it is to probe."""

import sqlalchemy as sa
from alembic import op

from medianest.storage.tables import Utc

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "host_reports",
        sa.Column("host", sa.String(100), primary_key=True),
        sa.Column("at", Utc, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
    )
    op.create_table(
        "probe_leases",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("host", sa.String(100), nullable=False),
        sa.Column("until", Utc, nullable=False),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("probe_leases")
    op.drop_table("host_reports")
