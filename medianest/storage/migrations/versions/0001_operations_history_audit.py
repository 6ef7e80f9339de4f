"""Deferred operations, recovery history, audit, dependencies."""

import sqlalchemy as sa
from alembic import op

from medianest.storage.tables import Utc

revision = "0001"
down_revision = None

_ACTIVE = sa.text("state IN ('pending', 'running')")


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "deferred_operations",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("handler", sa.String(100), nullable=False),
        sa.Column("idempotency_key", sa.String(200), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("run_at", Utc, nullable=False),
        sa.Column("lease", sa.String(32)),
        sa.Column("not_before", Utc),
        sa.Column("shared", sa.Boolean, nullable=False),
        sa.Column("since", Utc, nullable=False),
        sa.Column("result", sa.JSON),
        sa.Column("error_type", sa.String(100)),
        sa.Column("error_message", sa.Text),
        sa.Column("requested_by", sa.String(100)),
        sa.Column("correlation_id", sa.String(64)),
        sa.Column("created_at", Utc, nullable=False),
        sa.Column("updated_at", Utc, nullable=False),
        sa.Column("finished_at", Utc),
    )
    op.create_index(
        "ix_deferred_operations_due", "deferred_operations", ["handler", "state", "run_at"]
    )
    op.create_index("ix_deferred_operations_newest", "deferred_operations", ["created_at", "id"])
    op.create_index(
        "uq_deferred_operations_active",
        "deferred_operations",
        ["handler", "idempotency_key"],
        unique=True,
        sqlite_where=_ACTIVE,
        postgresql_where=_ACTIVE,
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("operation_id", sa.String(32), nullable=False),
        sa.Column("created_at", Utc, nullable=False),
    )
    op.create_index("ix_idempotency_keys_operation", "idempotency_keys", ["operation_id"])
    op.create_table(
        "recovery_history",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("at", Utc, nullable=False),
        sa.Column("operation", sa.String(200), nullable=False),
        sa.Column("service", sa.String(100), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
    )
    op.create_index("ix_recovery_history_newest", "recovery_history", ["at", "id"])
    op.create_table(
        "audit",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("at", Utc, nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("action", sa.String(100), nullable=False),
        sa.Column("target", sa.String(200), nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
    )
    op.create_index("ix_audit_newest", "audit", ["at", "id"])
    op.create_table(
        "dependencies",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("definition", sa.JSON, nullable=False),
        sa.Column("registered_by", sa.String(100)),
        sa.Column("created_at", Utc, nullable=False),
        sa.Column("updated_at", Utc, nullable=False),
    )


def downgrade() -> None:
    """Drop them, and what is in them."""
    for table in (
        "dependencies",
        "audit",
        "recovery_history",
        "idempotency_keys",
        "deferred_operations",
    ):
        op.drop_table(table)
