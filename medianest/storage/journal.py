"""Records that must reach the database sooner or later: recovery history, audit and events.

They are in memory at once and in the database a moment later; while that is away they wait.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete
from sqlalchemy.dialects import postgresql, sqlite

from medianest.resilience import CallRefusedError
from medianest.storage.database import Database
from medianest.storage.errors import StorageError
from medianest.storage.page import conditions, newest
from medianest.storage.selection import Cursor, Selection

__all__ = ["Journal"]

logger = logging.getLogger(__name__)

_BATCH = 500


class Journal:
    """Rows of one table with `id`, `at` and `record`, written behind the back of whoever adds
    them. Keeps at most `most` that are not written yet, the oldest going first. Thread-safe.
    """

    _grows = False
    """Whether a row may be added again with another `record`, which then takes its place."""

    def __init__(self, database: Database, table: Table, *, most: int = 10_000) -> None:
        self._database = database
        self._table = table
        self._most = most
        self._waiting: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self.lost = 0
        """Rows that went before they could be written."""

    def add(self, row: Mapping[str, Any]) -> None:
        """Keep a row for the next `flush`. Waits for nothing."""
        with self._lock:
            self._waiting[row["id"]] = dict(row)
            if len(self._waiting) > self._most:
                self._waiting.popitem(last=False)
                self.lost += 1

    def flush(self) -> int:
        """Write what waits; how many rows. When another thread is at it, it is left to that one.
        Raises the errors of medianest.storage.errors; what was not written goes on waiting."""
        written = 0
        # Once more for what came after its last look, and was left to this thread.
        while self._waiting and self._writing.acquire(blocking=False):
            try:
                while batch := self._next():
                    written += self._write(batch)
            finally:
                self._writing.release()
        return written

    def _write(self, batch: list[dict[str, Any]]) -> int:
        """How many of them; a row that can never be written goes, or it would stop all others."""
        try:
            self._database.write(self._insert, batch)
            written = len(batch)
        except (StorageError, CallRefusedError):
            raise
        except Exception:
            if len(batch) > 1:
                return sum(self._write([row]) for row in batch)
            logger.exception("a record of %s cannot be written", self._table.name)
            self.lost += 1
            written = 0
        with self._lock:
            for row in batch:
                if self._waiting.get(row["id"]) is row:  # it may have grown meanwhile
                    del self._waiting[row["id"]]
        return written

    def waiting(self) -> list[dict[str, Any]]:
        """The rows that are not written yet, newest first."""
        with self._lock:
            return list(reversed(self._waiting.values()))

    def page(
        self, wanted: Selection, after: Cursor | None, limit: int
    ) -> tuple[list[dict[str, Any]], Cursor | None]:
        """Records that are `wanted`, newest first, and where the next page begins; those not
        written yet are among them."""
        waiting = self.waiting()  # first: what is written meanwhile must be in one of both
        rows, cursor = self._database.read(
            newest, self._table, "at", conditions(wanted, self._table), after, limit
        )
        found = {row.id: (row.at, row.id, row.record) for row in rows}
        for row in waiting:
            if wanted.has(row):
                found[row["id"]] = (row["at"], row["id"], row["record"])
        ordered = sorted(found.values(), key=lambda row: row[:2], reverse=True)
        if after is not None:
            ordered = [row for row in ordered if row[:2] < (after.at, after.id)]
        if len(ordered) > limit:
            at, last, _ = ordered[limit - 1]
            cursor = Cursor(at, last)
        return [record for _, _, record in ordered[:limit]], cursor

    def prune(self, before: datetime) -> int:
        """Remove the rows from before then; how many."""

        def remove(connection: Connection) -> int:
            return connection.execute(delete(self._table).where(self._table.c.at < before)).rowcount

        return self._database.write(remove)

    def _next(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._waiting.values())[:_BATCH]

    def _insert(self, connection: Connection, batch: list[dict[str, Any]]) -> None:
        dialect = postgresql if self._database.dialect == "postgresql" else sqlite
        insert: Any = dialect.insert(self._table)
        if self._grows:
            newer = {"record": insert.excluded.record}
            insert = insert.on_conflict_do_update(index_elements=["id"], set_=newer)
        else:  # what was written before its acknowledgement got lost is there already
            insert = insert.on_conflict_do_nothing()
        connection.execute(insert, batch)
