"""The tables. Migrations make them; these definitions are what statements are written with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.types import TypeDecorator

__all__ = [
    "ACTIVE",
    "Utc",
    "alerts",
    "audit",
    "deferred_operations",
    "dependencies",
    "idempotency_keys",
    "metadata",
    "recovery_history",
]


class Utc(TypeDecorator[datetime]):
    """A time of day in UTC; SQLite, which knows no zones, keeps it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """On the way in."""
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """On the way out."""
        if value is None:
            return None
        found: datetime = value
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


metadata = MetaData()

ACTIVE = text("state IN ('pending', 'running')")
"""Operations that are still to be done: among them, each idempotency key stands once."""

deferred_operations = Table(
    "deferred_operations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("handler", String(100), nullable=False),
    Column("idempotency_key", String(200), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("state", String(10), nullable=False),  # pending, running, done, dead
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("run_at", Utc, nullable=False),  # due then; of one that runs, the end of its lease
    Column("lease", String(32)),
    Column("not_before", Utc),  # until then it may still be under way where it was sent
    Column("shared", Boolean, nullable=False),  # others than its maker were told of it
    Column("since", Utc, nullable=False),  # when it was made, or retried by hand
    Column("result", JSON),
    Column("error_type", String(100)),
    Column("error_message", Text),
    Column("requested_by", String(100)),
    Column("correlation_id", String(64)),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    Column("finished_at", Utc),
    Index("ix_deferred_operations_due", "handler", "state", "run_at"),
    Index("ix_deferred_operations_newest", "created_at", "id"),
    Index(
        "uq_deferred_operations_active",
        "handler",
        "idempotency_key",
        unique=True,
        sqlite_where=ACTIVE,
        postgresql_where=ACTIVE,
    ),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("operation_id", String(32), nullable=False),
    Column("created_at", Utc, nullable=False),
    Index("ix_idempotency_keys_operation", "operation_id"),
)

recovery_history = Table(
    "recovery_history",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("at", Utc, nullable=False),
    Column("operation", String(200), nullable=False),
    Column("service", String(100), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("record", JSON, nullable=False),
    Index("ix_recovery_history_newest", "at", "id"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("at", Utc, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("action", String(100), nullable=False),
    Column("target", String(200), nullable=False),
    Column("record", JSON, nullable=False),
    Index("ix_audit_newest", "at", "id"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("at", Utc, nullable=False),
    Column("key", String(200), nullable=False),
    Column("state", String(10), nullable=False),  # firing, resolved
    Column("severity", Integer, nullable=False),
    Column("record", JSON, nullable=False),
    Index("ix_alerts_newest", "at", "id"),
    Index("ix_alerts_key", "key", "at"),
)

dependencies = Table(
    "dependencies",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("registered_by", String(100)),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
)
