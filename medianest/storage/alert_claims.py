"""Which alerts were notified by all processes, so that each is notified once: in the database, and
while that is away by marks in a folder of this host."""

from __future__ import annotations

import hashlib
import logging
import os
import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, text

from medianest.health.alerts import Alert
from medianest.resilience import Clock, Deadline
from medianest.storage.database import Database
from medianest.storage.tables import alerts as table

__all__ = ["AlertClaims", "Marks"]

logger = logging.getLogger(__name__)


_LASTS = timedelta(hours=1)
"""What was told so long ago and fires anew is told again."""

_SKEW = timedelta(seconds=60)
"""Clocks of hosts may differ so much. What was told later than that was told before the clock was
set back, and says nothing of now."""


_CLAIM_SECONDS = 1.0
"""How long an alert waits to know whether another process has notified it."""

_MARKS_LAST = 120.0
"""Seconds in which all processes of a host see what one of them has seen."""


class AlertClaims:
    """Keeps what was notified. Thread-safe; raises the errors of medianest.storage.errors.

    `cool_down` seconds after an alert was over, no process notifies it anew. `folder` is shared by
    all processes of a host.
    """

    def __init__(self, database: Database, cool_down: float, folder: Path, clock: Clock) -> None:
        self._database = database
        self._cool_down = timedelta(seconds=cool_down)
        self._time = Deadline(_CLAIM_SECONDS, name="alerts", clock=clock)
        self._marks = Marks(folder, _MARKS_LAST, clock)

    def claim(self, alert: Alert) -> bool:
        """Keep that this is notified; False when another process has done it."""
        with self._time.scope():
            return self._database.write(self._claim, alert)

    def claim_alone(self, alert: Alert) -> bool:
        """The same without the database, among the processes of this host."""
        return self._marks.claim(alert)

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
        if alert.silenced_until is not None and last.at < alert.silenced_until <= at:
            return False  # a silence has ended since
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


def _silence_of(alert: Alert) -> str:
    """What tells an alert that was silenced from the same one when it is told after that."""
    until = alert.silenced_until
    return "" if until is None or alert.last_at < until else f"-after-{until.timestamp():.0f}"


_outer = table.alias("told")


class Marks:
    """A file for each alert that was told, in a folder that all processes of a host share. One
    that is older than `lasts` seconds counts no more."""

    def __init__(self, folder: Path, lasts: float, clock: Clock) -> None:
        self._folder = folder
        self._lasts = lasts
        self._clock = clock

    def claim(self, alert: Alert) -> bool:
        """Mark that this is told; False when another process has told it. Where no file can be
        made, it is better told twice than never."""
        mark = self._mark(alert.key, f"{alert.state}-{alert.severity.name}{_silence_of(alert)}")
        try:
            self._folder.mkdir(0o700, parents=True, exist_ok=True)
            self._forget_old()
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            if alert.state == "firing":  # its end is news again
                for ended in self._folder.glob(self._mark(alert.key, "resolved-*").name):
                    ended.unlink(missing_ok=True)
        except FileExistsError:
            if alert.state == "firing":  # it goes on, and who asks again is to be told so again
                os.utime(mark)
            return False
        except (OSError, ValueError):
            return True
        return True

    def _mark(self, key: str, what: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}-{what}"

    def _forget_old(self) -> None:
        """Also those of a time to come: the clock was set back since."""
        now = self._clock.utc().timestamp()
        for mark in self._folder.iterdir():
            with suppress(OSError):  # another process may just have removed it
                if abs(now - mark.stat().st_mtime) > self._lasts:
                    mark.unlink()
