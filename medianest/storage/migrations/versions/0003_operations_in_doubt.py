"""Deferred operations: what is in doubt, and claims that cost the same in any queue."""

import sqlalchemy as sa
from alembic import op

from medianest.storage.tables import ACTIVE, LATER, OCCUPYING, READY, Utc

revision = "0003"
down_revision = "0002"

_TABLE = "deferred_operations"
_PARTIAL = {
    "ix_deferred_operations_ready": (READY, ["handler", "created_at", "id"], False),
    "ix_deferred_operations_later": (LATER, ["handler", "run_at"], False),
    "ix_deferred_operations_client": (ACTIVE, ["requested_by"], False),
    "uq_deferred_operations_subject": (OCCUPYING, ["handler", "subject"], True),
}


def upgrade() -> None:
    """Add them. What may be under way at this moment is in doubt."""
    for column in (
        sa.Column("subject", sa.String(200)),
        sa.Column("lane", sa.String(100)),
        sa.Column("due", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("occupies", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("failing_since", Utc),
        sa.Column("in_doubt_since", Utc),
        sa.Column("absent_since", Utc),
    ):
        op.add_column(_TABLE, column)
    op.execute(f"UPDATE {_TABLE} SET in_doubt_since = updated_at WHERE not_before IS NOT NULL")
    op.drop_column(_TABLE, "not_before")
    op.drop_index("ix_deferred_operations_due", _TABLE)
    op.create_index("ix_deferred_operations_state", _TABLE, ["state", "created_at", "id"])
    for name, (where, columns, unique) in _PARTIAL.items():
        op.create_index(
            name, _TABLE, columns, unique=unique, sqlite_where=where, postgresql_where=where
        )


def downgrade() -> None:
    """Forget them."""
    for name in (*_PARTIAL, "ix_deferred_operations_state"):
        op.drop_index(name, _TABLE)
    op.create_index("ix_deferred_operations_due", _TABLE, ["handler", "state", "run_at"])
    op.add_column(_TABLE, sa.Column("not_before", Utc))
    for name in (
        *("subject", "lane", "due", "occupies"),
        *("failing_since", "in_doubt_since", "absent_since"),
    ):
        op.drop_column(_TABLE, name)
