"""A page of what is kept in the database: of the history and of the audit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from medianest.resilience import CallRefusedError
from medianest.storage import StorageError
from medianest.storage.journal import Journal
from medianest.storage.page import Cursor
from medianest.web.parameters import CursorPage

__all__ = ["Complete", "journal_page"]

Complete = Annotated[
    bool,
    Field(description="False while the database is away: then it is what this process remembers."),
]


def journal_page(
    journal: Journal,
    wanted: CursorPage,
    remembered: Iterable[tuple[datetime, str, dict[str, Any]]],
) -> dict[str, Any]:
    """A page of a journal, or of what is remembered, newest first; `is_complete` tells which."""
    columns = wanted.model_dump(exclude={"limit", "cursor"}, exclude_none=True)
    after = Cursor.parse(wanted.cursor)
    try:
        records, cursor = journal.page(columns, after, wanted.limit)
    except (StorageError, CallRefusedError):
        found = [
            (at, key, record)
            for at, key, record in remembered
            if all(record[column] == value for column, value in columns.items())
            and (after is None or (at, key) < (after.at, after.id))
        ][: wanted.limit + 1]
        more = len(found) > wanted.limit
        found = found[: wanted.limit]
        records = [record for _, _, record in found]
        cursor = Cursor(*found[-1][:2]) if more else None
        return {"items": records, "next": cursor and str(cursor), "is_complete": False}
    return {"items": records, "next": cursor and str(cursor), "is_complete": True}
