"""A page of what is kept in the database: of the history, the audit and the events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from medianest.resilience import CallRefusedError
from medianest.storage import StorageError
from medianest.storage.journal import Journal
from medianest.storage.page import Cursor
from medianest.web.models import AnswerModel
from medianest.web.parameters import CursorPage

__all__ = ["Complete", "journal_page"]

logger = logging.getLogger(__name__)

Complete = Annotated[
    bool,
    Field(description="False while the database is away: then it is what this process remembers."),
]


def journal_page(
    journal: Journal,
    wanted: CursorPage,
    remembered: Iterable[tuple[datetime, str, dict[str, Any]]],
    read: Callable[[Mapping[str, Any]], AnswerModel],
) -> dict[str, Any]:
    """A page of a journal, or of what is remembered, newest first; `is_complete` tells which.
    A record that `read` does not understand, as of another version, is left out."""
    selection, after = wanted.selection(), Cursor.parse(wanted.cursor)
    try:
        records, cursor = journal.page(selection, after, wanted.limit)
    except (StorageError, CallRefusedError):
        found = [
            (at, key, record)
            for at, key, record in remembered
            if selection.has({**record, "at": at})
            and (after is None or (at, key) < (after.at, after.id))
        ][: wanted.limit + 1]
        more = len(found) > wanted.limit
        found = found[: wanted.limit]
        records = [record for _, _, record in found]
        cursor = Cursor(*found[-1][:2]) if more else None
        return {**_page(records, cursor, read), "is_complete": False}
    return {**_page(records, cursor, read), "is_complete": True}


def _page(
    records: Iterable[dict[str, Any]],
    cursor: Cursor | None,
    read: Callable[[Mapping[str, Any]], AnswerModel],
) -> dict[str, Any]:
    items = []
    for record in records:
        try:
            items.append(read(record))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            logger.debug("a record cannot be read: %s", error)
    return {"items": tuple(items), "next": cursor and str(cursor)}
