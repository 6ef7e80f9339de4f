"""The journal of changes: those of all processes, in the database."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, select

from medianest.health.change_history import ChangeHistory, ChangeRecord
from medianest.storage.database import Database
from medianest.storage.journal import Journal
from medianest.storage.tables import events as table

__all__ = ["ChangeJournal"]

logger = logging.getLogger(__name__)

_MOST: Final = 100_000
"""Changes in the database: of what never rests, the oldest go before their time."""

_LOOK: Final = 500
"""Changes that one look reads: the newest."""


class ChangeJournal(Journal):
    """Writes the changes of this process, and tells its history those of the others."""

    def __init__(
        self, database: Database, history: ChangeHistory, *, most_stored: int = _MOST
    ) -> None:
        super().__init__(database, table)
        self._history = history
        self._most_stored = most_stored
        self._last = self._last_but_one = 0
        """The highest numbers that the last look saw, and the one before."""
        history.sinks.append(self.note)

    def note(self, change: ChangeRecord) -> None:
        """A sink of ChangeHistory."""
        self.add(
            {
                "id": change.id,
                "at": change.at,
                "type": change.type,
                "name": change.name[:200],
                "record": change.as_dict(),
            }
        )

    def follow(self) -> None:
        """Learn what other processes have written since the last look. Raises the errors of
        medianest.storage.errors."""
        # Each row is looked at twice: one with a lower number may be committed a little later.
        rows = self._database.read(_numbered_above, self._last_but_one)
        self._last_but_one = self._last
        if rows:
            self._last = max(self._last, rows[0].number)
            self._history.learn(_changes(reversed(rows)))

    def prune(self, before: datetime) -> int:
        """Remove those from before then, and the oldest of too many; how many."""
        return super().prune(before) + self._database.write(self._keep_the_newest)

    def _keep_the_newest(self, connection: Connection) -> int:
        newest: int = connection.execute(select(func.max(table.c.number))).scalar() or 0
        oldest = newest - self._most_stored
        return connection.execute(delete(table).where(table.c.number <= oldest)).rowcount


def _numbered_above(connection: Connection, number: int) -> list[Row[Any]]:
    rows = select(table.c.number, table.c.record).where(table.c.number > number)
    return list(connection.execute(rows.order_by(table.c.number.desc()).limit(_LOOK)))


def _changes(rows: Iterable[Row[Any]]) -> list[ChangeRecord]:
    found = []
    for row in rows:
        try:
            found.append(ChangeRecord.of(row.record))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            logger.debug("a change cannot be read: %s", error)
    return found
