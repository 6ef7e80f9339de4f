"""The tables. Migrations make them; these definitions are what statements are written with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TextClause,
    text,
)
from sqlalchemy.types import TypeDecorator

__all__ = [
    "ACTIVE",
    "DEAD",
    "FAILING",
    "LATER",
    "OCCUPYING",
    "READY",
    "UNREADABLE",
    "Unreadable",
    "Utc",
    "alerts",
    "audit",
    "deferred_operations",
    "dependencies",
    "events",
    "host_reports",
    "idempotency_keys",
    "metadata",
    "overrides",
    "partial_index",
    "probe_leases",
    "recovery_history",
    "silences",
    "write_proof",
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


class Unreadable:
    """Stands for a value of a row that is damaged or of another version."""


UNREADABLE: Final = Unreadable()


def _or_unreadable(read: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    """The same reader; what it cannot read costs that value, not the whole answer."""
    if read is None:
        return None

    def tolerant(value: Any) -> Any:
        try:
            return read(value)
        except (ValueError, TypeError, RecursionError):
            return UNREADABLE

    return tolerant


class LenientUtc(Utc):
    """The same for rows that must be listed whatever is in them."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        """UNREADABLE in the place of what is no time."""
        return _or_unreadable(super().result_processor(dialect, coltype))


class LenientJson(TypeDecorator[Any]):
    """JSON, of which a damaged one is read as UNREADABLE."""

    impl = JSON
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        """UNREADABLE in the place of what is no JSON."""
        return _or_unreadable(super().result_processor(dialect, coltype))


metadata = MetaData()

ACTIVE = text("state IN ('pending', 'running')")
"""Operations that are still to be done: among them, each idempotency key stands once."""

READY = text("due = 1")
"""Those that may be claimed now."""

LATER = text("due = 0 AND state IN ('pending', 'running')")
"""Those whose time comes, or whose lease ends."""

OCCUPYING = text("occupies = 1")
"""Those that may be under way: among them, each subject stands once."""

DEAD = text("state = 'dead'")

FAILING = text("failing_since IS NOT NULL AND state = 'pending'")
"""Those that are still to be done and have failed by themselves."""


def partial_index(name: str, where: TextClause, *columns: str, unique: bool = False) -> Index:
    """An index of some rows alone. Statements that name the condition in these very words can use
    it: a bound value in its place could be any."""
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


deferred_operations = Table(
    "deferred_operations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("handler", String(100), nullable=False),
    Column("idempotency_key", String(200), nullable=False),
    Column("subject", String(200)),  # of one subject, one operation at a time is under way
    Column("lane", String(100)),  # what is held back together
    Column("payload", LenientJson, nullable=False),
    Column("state", String(10), nullable=False),  # pending, running, done, dead
    Column("due", SmallInteger, nullable=False),  # 1: may be claimed now, the oldest first
    Column("occupies", SmallInteger, nullable=False),  # 1: it is, or may be, under way
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", LenientUtc),  # the first of its own failures
    Column("first_sent_at", LenientUtc),  # the begin of the first attempt that may have been done
    Column("in_doubt_since", LenientUtc),  # the end of an attempt that may have been done
    Column("absent_since", LenientUtc),  # it was not to be found at the service then
    Column("run_at", LenientUtc, nullable=False),  # due then; of one that runs, its lease's end
    Column("lease", String(32)),
    Column("shared", Boolean, nullable=False),  # others than its maker were told of it
    Column("since", LenientUtc, nullable=False),  # when it was made, or retried by hand
    Column("result", LenientJson),
    Column("error_type", String(100)),
    Column("error_message", Text),
    Column("requested_by", String(100)),
    Column("correlation_id", String(64)),
    Column("created_at", LenientUtc, nullable=False),
    Column("updated_at", LenientUtc, nullable=False),
    Column("finished_at", LenientUtc),
    partial_index("ix_deferred_operations_ready", READY, "handler", "created_at", "id"),
    partial_index("ix_deferred_operations_later", LATER, "handler", "run_at"),
    partial_index("ix_deferred_operations_failing", FAILING, "failures"),
    Index("ix_deferred_operations_newest", "created_at", "id"),
    Index("ix_deferred_operations_state", "state", "created_at", "id"),
    partial_index(
        "uq_deferred_operations_active", ACTIVE, "handler", "idempotency_key", unique=True
    ),
    partial_index("uq_deferred_operations_subject", OCCUPYING, "handler", "subject", unique=True),
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

events = Table(
    "events",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("at", Utc, nullable=False),
    Column("type", String(20), nullable=False),  # breaker, component, alert
    Column("name", String(200), nullable=False),
    Column("record", JSON, nullable=False),
    Index("ix_events_newest", "at", "id"),
    sqlite_autoincrement=True,  # a number that was pruned must not come again
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

overrides = Table(
    "overrides",
    metadata,
    Column("breaker", String(100), primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("record", LenientJson, nullable=False),
)

silences = Table(
    "silences",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("record", LenientJson, nullable=False),
)

host_reports = Table(  # see medianest.cluster
    "host_reports",
    metadata,
    Column("host", String(100), primary_key=True),
    Column("at", Utc, nullable=False),
    Column("entry", Text, nullable=False),
)

probe_leases = Table(
    "probe_leases",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("host", String(100), nullable=False),
    Column("until", Utc, nullable=False),
)

write_proof = Table(
    "write_proof",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("number", BigInteger, nullable=False),  # grows, as what stays the same is not written
)
