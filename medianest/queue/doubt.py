"""Doubt that outlives its operation: a dead letter that may have been done all the same."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, update

from medianest.storage.tables import DEAD, OCCUPYING
from medianest.storage.tables import deferred_operations as table

__all__ = ["take_doubt"]


def take_doubt(
    connection: Connection, handler: str, subjects: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Take the doubt from the dead letters of these subjects: by subject, the values of the
    operation that has it now. It is looked for what was made before anything is made again, and
    the dead letter is in nobody's way."""
    if not subjects:
        return {}
    dead = (table.c.handler == handler, table.c.subject.in_(subjects), OCCUPYING, DEAD)
    kept = table.c.subject, table.c.in_doubt_since, table.c.first_sent_at, table.c.created_at
    taken = update(table).where(*dead).values(occupies=0).returning(*kept)
    return {
        row.subject: {
            "occupies": 1,
            "in_doubt_since": row.in_doubt_since,
            "absent_since": None,
            "first_sent_at": row.first_sent_at or row.created_at,
        }
        for row in connection.execute(taken)
    }
