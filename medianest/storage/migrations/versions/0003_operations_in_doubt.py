"""Deferred operations: what is in doubt, and claims that cost the same in any queue; overrides."""

import json
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from medianest.storage.tables import FAILING, LATER, OCCUPYING, READY, Utc

revision = "0003"
down_revision = "0002"

_TABLE = "deferred_operations"
_PARTIAL = {
    "ix_deferred_operations_ready": (READY, ["handler", "created_at", "id"], False),
    "ix_deferred_operations_later": (LATER, ["handler", "run_at"], False),
    "ix_deferred_operations_failing": (FAILING, ["failures"], False),
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
        sa.Column("first_sent_at", Utc),
        sa.Column("in_doubt_since", Utc),
        sa.Column("absent_since", Utc),
    ):
        op.add_column(_TABLE, column)
    op.execute(f"UPDATE {_TABLE} SET in_doubt_since = updated_at WHERE not_before IS NOT NULL")
    _name_subjects()
    op.drop_column(_TABLE, "not_before")
    op.drop_index("ix_deferred_operations_due", _TABLE)
    op.create_index("ix_deferred_operations_state", _TABLE, ["state", "created_at", "id"])
    for name, (where, columns, unique) in _PARTIAL.items():
        op.create_index(
            name, _TABLE, columns, unique=unique, sqlite_where=where, postgresql_where=where
        )
    op.create_table(
        "overrides",
        sa.Column("breaker", sa.String(100), primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
    )


def _name_subjects() -> None:
    """What each of those that are to be done is about. Of one subject, one is under way at most."""
    connection, busy = op.get_bind(), set()
    active = sa.text(
        f"SELECT id, state, in_doubt_since, payload FROM {_TABLE} WHERE handler = :handler"
        " AND state IN ('pending', 'running') ORDER BY state DESC, created_at"
    )
    name = sa.text(
        f"UPDATE {_TABLE} SET subject = :subject, lane = :lane, occupies = :occupies WHERE id = :id"
    )
    for row in connection.execute(active, {"handler": "overseerr.request"}).all():
        try:
            kept = json.loads(row.payload) if isinstance(row.payload, str) else row.payload
            subject = f"{kept['media_type']}:{kept['media_id']}"
        except (ValueError, TypeError, KeyError):
            continue  # it cannot be read, and becomes a dead letter
        occupies = (row.state == "running" or row.in_doubt_since is not None) and (
            subject not in busy
        )
        if occupies:
            busy.add(subject)
        values = {"subject": subject, "lane": "user None", "occupies": int(occupies)}
        connection.execute(name, {**values, "id": row.id})


def downgrade() -> None:
    """Forget them. What is in doubt gets two minutes to end."""
    op.drop_table("overrides")
    for name in (*_PARTIAL, "ix_deferred_operations_state"):
        op.drop_index(name, _TABLE)
    op.create_index("ix_deferred_operations_due", _TABLE, ["handler", "state", "run_at"])
    op.add_column(_TABLE, sa.Column("not_before", Utc))
    later = datetime.now(UTC) + timedelta(seconds=120)
    table = sa.table(_TABLE, sa.column("not_before", Utc), sa.column("in_doubt_since", Utc))
    op.execute(table.update().where(table.c.in_doubt_since.is_not(None)).values(not_before=later))
    for name in (
        *("subject", "lane", "due", "occupies"),
        *("failing_since", "first_sent_at", "in_doubt_since", "absent_since"),
    ):
        op.drop_column(_TABLE, name)
