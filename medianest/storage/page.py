"""Pages of rows, newest first, by a cursor that stays right while new rows come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, or_, select

from medianest.storage.selection import Cursor, Selection, several

__all__ = ["conditions", "newest"]


def conditions(wanted: Selection, table: Table) -> list[ColumnElement[bool]]:
    """Which rows of a table are wanted, for a statement."""
    found: list[ColumnElement[bool]] = [
        table.c[name].in_(several(value)) for name, value in wanted.columns.items()
    ]
    if wanted.since is not None:
        found.append(table.c.at >= wanted.since)
    if wanted.until is not None:
        found.append(table.c.at < wanted.until)
    return found


def newest(
    connection: Connection,
    table: Table,
    at: str,
    wanted: Iterable[ColumnElement[bool]],
    after: Cursor | None,
    limit: int,
) -> tuple[list[Row[Any]], Cursor | None]:
    """Rows of a table by falling `at` (the name of a column) and id, and where the next begin."""
    moment, row = table.c[at], table.c.id
    query = select(table).where(*wanted).order_by(moment.desc(), row.desc()).limit(limit + 1)
    if after is not None:
        behind = or_(moment < after.at, and_(moment == after.at, row < after.id))
        query = query.where(behind)
    rows = list(connection.execute(query))
    more = len(rows) > limit
    rows = rows[:limit]
    return rows, Cursor(getattr(rows[-1], at), rows[-1].id) if more else None
