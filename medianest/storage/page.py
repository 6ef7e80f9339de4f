"""Pages of rows, newest first, by a cursor that stays right while new rows come; and which rows."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, or_, select

__all__ = ["Cursor", "CursorError", "Selection", "newest"]


class CursorError(ValueError):
    """Not a cursor that we have given."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: the next page begins behind it."""

    at: datetime
    id: str

    def __str__(self) -> str:
        text = json.dumps([self.at.isoformat(), self.id])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str | None) -> Cursor | None:
        """From its text; None stays None. Raises CursorError."""
        if text is None:
            return None
        try:
            at, row = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            moment = datetime.fromisoformat(at).astimezone(UTC)
            if re.fullmatch("[0-9a-f]{32}", row) is None:
                raise ValueError
        except (ValueError, TypeError, OverflowError, binascii.Error):
            raise CursorError("the cursor is not one that was given by this endpoint") from None
        return cls(moment, row)


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of which each of `columns` has the value there, or one of them where it is a tuple,
    from `since` on and before `until`."""

    columns: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self, table: Table) -> list[ColumnElement[bool]]:
        """The same for a statement."""
        found: list[ColumnElement[bool]] = [
            table.c[name].in_(_several(value)) for name, value in self.columns.items()
        ]
        if self.since is not None:
            found.append(table.c.at >= self.since)
        if self.until is not None:
            found.append(table.c.at < self.until)
        return found

    def has(self, row: Mapping[str, Any]) -> bool:
        """Whether a row in memory is one of them."""
        is_late = self.since is None or row["at"] >= self.since
        is_early = self.until is None or row["at"] < self.until
        columns = self.columns.items()
        return is_late and is_early and all(row[name] in _several(value) for name, value in columns)


def _several(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,)


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
