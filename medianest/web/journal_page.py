"""A page of what is kept in the database: of the history, the audit and the events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from medianest.resilience import CallRefusedError
from medianest.storage import StorageError
from medianest.storage.selection import Cursor, Selection
from medianest.web.models import AnswerModel
from medianest.web.parameters import CursorPage

if TYPE_CHECKING:
    from medianest.storage.journal import Journal

__all__ = ["Complete", "journal_page"]

logger = logging.getLogger(__name__)

Complete = Annotated[
    bool,
    Field(description="False while the database is away: then it is what this process remembers."),
]


def journal_page(
    journal: Journal | None,
    wanted: CursorPage,
    remembered: Iterable[tuple[datetime, str, dict[str, Any]]],
    read: Callable[[Mapping[str, Any]], AnswerModel],
) -> dict[str, Any]:
    """A page of a journal, or of what is remembered, newest first. `is_complete` is false where
    there is a journal that cannot be asked now.
    A record that `read` does not understand, as of another version, is left out."""
    selection, after = wanted.selection(), Cursor.parse(wanted.cursor)
    if journal is not None:
        try:
            records, cursor = journal.page(selection, after, wanted.limit)
            return {**_page(records, cursor, read), "is_complete": True}
        except (StorageError, CallRefusedError) as error:
            logger.debug("the journal does not answer: %s", error)
    records, cursor = _remembered(remembered, selection, after, wanted.limit)
    return {**_page(records, cursor, read), "is_complete": journal is None}


def _remembered(
    remembered: Iterable[tuple[datetime, str, dict[str, Any]]],
    selection: Selection,
    after: Cursor | None,
    limit: int,
) -> tuple[list[dict[str, Any]], Cursor | None]:
    found = [
        (at, key, record)
        for at, key, record in remembered
        if selection.has({**record, "at": at})
        if after is None or (at, key) < (after.at, after.id)
    ][: limit + 1]
    page = found[:limit]
    cursor = Cursor(*page[-1][:2]) if len(found) > limit else None
    return [record for _, _, record in page], cursor


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
