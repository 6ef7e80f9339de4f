"""Which operations are due, and which of those come first.

Claiming costs the same however many wait. Rows whose time has come are marked `due`, some hundred
at a time, and those are claimed by their age; each step reads an index of nothing but such rows.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    case,
    exists,
    func,
    not_,
    or_,
    select,
    text,
    update,
)

from medianest.storage.tables import LATER, READY
from medianest.storage.tables import deferred_operations as table

__all__ = ["LONGEST_DELAY", "make_due", "oldest_due"]

LONGEST_DELAY: Final = timedelta(days=366)
"""Nothing is put off for longer: the time of a row that says so is damaged, and it is due now."""

_MOST_MADE_DUE = 500
"""Rows that one claim marks as due; the next one marks the next."""


def make_due(connection: Connection, handler: str, now: datetime) -> None:
    """Those whose time has come; of one whose lease is over, nobody knows whether it was done."""
    # Asked by themselves: within the change, or with "or", a planner looks through all that wait.
    ids = _later(connection, handler, table.c.run_at <= now)
    ids = ids or _later(connection, handler, table.c.run_at > now + LONGEST_DELAY)
    if not ids:
        return
    ran = table.c.state == "running"
    values = {
        "due": 1,
        "state": "pending",
        "first_sent_at": case(
            (ran, func.coalesce(table.c.first_sent_at, table.c.updated_at)),
            else_=table.c.first_sent_at,
        ),
        "in_doubt_since": case((ran, table.c.run_at), else_=table.c.in_doubt_since),
        "absent_since": case((ran, None), else_=table.c.absent_since),
    }
    connection.execute(update(table).where(table.c.id.in_(ids)).values(values))


def _later(connection: Connection, handler: str, when: ColumnElement[bool]) -> list[str]:
    """The ids of some that wait for their time, or for the end of a lease."""
    query = (
        select(table.c.id)
        .where(table.c.handler == handler, LATER, when)
        .order_by(table.c.run_at)
        .limit(_MOST_MADE_DUE)
        .with_for_update(skip_locked=True)
    )
    return [row.id for row in connection.execute(query)]


def oldest_due(
    connection: Connection,
    handler: str,
    most: int,
    held_lanes: Collection[str],
    rather_not: Collection[str] = (),
) -> dict[str, str | None]:
    """The oldest that are due and whose subject nobody is busy with: the subjects by the ids."""
    other = table.alias("other")
    busy = exists().where(
        other.c.handler == handler,
        other.c.subject == table.c.subject,
        text("other.occupies = 1 AND other.state <> 'dead'"),
        other.c.id != table.c.id,
    )
    query = (
        select(table.c.id, table.c.subject)
        .where(table.c.handler == handler, READY, not_(busy))
        .order_by(table.c.created_at, table.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    if held_lanes:
        query = query.where(or_(table.c.lane.is_(None), table.c.lane.not_in(held_lanes)))
    if rather_not:
        query = query.where(table.c.id.not_in(rather_not))
    chosen: dict[str, str | None] = {}
    taken: set[str | None] = set()
    for row in connection.execute(query):
        if row.subject not in taken:
            chosen[row.id] = row.subject
        taken |= {row.subject} - {None}
    return chosen
