"""Pages of rows, newest first, by a cursor that stays right while new rows come."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, or_, select

__all__ = ["Cursor", "CursorError", "newest"]


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
