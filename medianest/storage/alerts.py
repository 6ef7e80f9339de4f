"""What alerts were told by all processes, so that each is told once."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, text

from medianest.health.alerts import Alert
from medianest.storage.database import Database
from medianest.storage.tables import alerts as table

__all__ = ["AlertJournal"]

logger = logging.getLogger(__name__)


_LASTS = timedelta(hours=1)
"""What was told so long ago and fires anew is told again."""

_SKEW = timedelta(seconds=60)
"""Clocks of hosts may differ so much. What was told later than that was told before the clock was
set back, and says nothing of now."""


class AlertJournal:
    """Keeps what was told. Thread-safe; raises the errors of medianest.storage.errors.

    `cool_down` seconds after an alert was over, no process tells it anew.
    """

    def __init__(self, database: Database, cool_down: float) -> None:
        self._database = database
        self._cool_down = timedelta(seconds=cool_down)

    def claim(self, alert: Alert) -> bool:
        """Keep that this is told; False when another process has told it."""
        return self._database.write(self._claim, alert)

    def _claim(self, connection: Connection, alert: Alert) -> bool:
        if connection.dialect.name == "postgresql":  # of two that come at once, one goes first
            lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
            connection.execute(lock, {"key": alert.key})
        at = alert.last_at
        known = select(table).where(table.c.key == alert.key, table.c.at <= at + _SKEW)
        newest = known.order_by(table.c.at.desc()).limit(1)
        if self._is_told(alert, connection.execute(newest).first(), at):
            return False
        row = {
            "id": uuid.uuid4().hex,
            "at": at,
            "key": alert.key,
            "state": alert.state,
            "severity": int(alert.severity),
            "record": alert.as_dict(),
        }
        connection.execute(insert(table), row)
        return True

    def _is_told(self, alert: Alert, last: Row[Any] | None, at: datetime) -> bool:
        if last is None:  # also the end of what could not be kept: the database may have been down
            return False
        if alert.state == "resolved":
            began = alert.fired_at or alert.since
            return last.state == "resolved" and bool(began - last.at < self._cool_down)
        if last.state == "resolved":
            return bool(at - last.at < self._cool_down)
        if (alert.fired_at or alert.since) - last.at > _LASTS:
            return False  # nobody may have been left to tell its end
        return bool(last.severity >= alert.severity)

    def unresolved(self) -> list[Alert]:
        """Those that were told and are not over."""

        def look(connection: Connection) -> list[Alert]:
            newest = select(func.max(table.c.at)).where(table.c.key == _outer.c.key)
            rows = select(_outer).where(
                _outer.c.state == "firing", _outer.c.at == newest.scalar_subquery()
            )
            return _alerts(row.record for row in connection.execute(rows))

        return self._database.read(look)

    def recent(self, limit: int = 100) -> list[Alert]:
        """What was told last, newest first."""

        def look(connection: Connection) -> list[Alert]:
            rows = select(table).order_by(table.c.at.desc(), table.c.id.desc()).limit(limit)
            return _alerts(row.record for row in connection.execute(rows))

        return self._database.read(look)

    def prune(self, before: datetime) -> int:
        """Remove what was told before then; how many."""

        def remove(connection: Connection) -> int:
            return connection.execute(delete(table).where(table.c.at < before)).rowcount

        return self._database.write(remove)


def _alerts(records: Iterable[Any]) -> list[Alert]:
    found = []
    for record in records:
        try:
            found.append(Alert.of(record))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            logger.debug("an alert that was told cannot be read: %s", error)
    return found


_outer = table.alias("told")
