"""Operations of a time to come: the clock by which they were written has been set back since.

Nothing needs to be known of when that was, or of who did it. A row says when it was written and
for how long it was to wait from then on, and so long it is waited for, by a clock that nobody sets.
Where only this host's clock is wrong, others have done it meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, or_, select, update

from medianest.resilience import Clock
from medianest.resilience.clock import elapsed_of
from medianest.storage.database import Database
from medianest.storage.tables import ACTIVE
from medianest.storage.tables import deferred_operations as table

__all__ = ["SetBack", "sent_before"]

_SKEW: Final = timedelta(seconds=60)
"""Clocks of hosts may differ so much."""

_LONG_BEFORE: Final = timedelta(days=1)

_MOST: Final = 500

_WRITTEN: Final = ("failing_since", "first_sent_at", "in_doubt_since", "since", "updated_at")
"""When something was; none of it can be later than now."""


def sent_before(sent_at: datetime, now: datetime) -> datetime:
    """A time before which nothing was sent: where `sent_at` is still to come, long before now. A
    request of ours that is taken for somebody else's would be made twice."""
    return sent_at if sent_at <= now + _SKEW else now - _LONG_BEFORE


class SetBack:
    """Has operations of a time to come done when they have waited for as long as they were to.
    For one thread at a time for each handler."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._seen: dict[str, dict[tuple[str, datetime], float]] = {}

    def bring_back(self, handler: str) -> int:
        """Make those due that have waited; how many. Raises StorageError."""
        now = self._clock.utc()
        ids = self._waited(handler, self._database.read(_of_a_time_to_come, handler, now), now)
        return self._database.write(_bring_back, ids, now) if ids else 0

    def _waited(self, handler: str, rows: Sequence[Row[Any]], now: datetime) -> list[str]:
        elapsed, before = elapsed_of(self._clock)(), self._seen.get(handler, {})
        seen = {(row.id, row.updated_at): row for row in rows}
        since = self._seen[handler] = {key: before.get(key, elapsed) for key in seen}
        return [key[0] for key, row in seen.items() if elapsed - since[key] >= _wait(row, now)]


def _of_a_time_to_come(connection: Connection, handler: str, now: datetime) -> list[Row[Any]]:
    """Some that are still to be done and were written later than now."""
    later = (table.c[name] > now + _SKEW for name in (*_WRITTEN, "absent_since"))
    wanted = select(table).where(table.c.handler == handler, ACTIVE, or_(*later)).limit(_MOST)
    return [row for row in connection.execute(wanted) if _is_whole(row)]


def _bring_back(connection: Connection, ids: list[str], now: datetime) -> int:
    wanted = select(table).where(table.c.id.in_(ids), ACTIVE).order_by(table.c.id)
    rows = connection.execute(wanted.with_for_update(skip_locked=True)).all()
    late = [row for row in rows if _is_whole(row) and _is_to_come(row, now)]  # as it still is
    if changes := [{"its_id": row.id, **_brought_back(row, now)} for row in late]:
        names = changes[0].keys() - {"its_id"}
        values: dict[str, Any] = {name: bindparam(name) for name in names}
        its = table.c.id == bindparam("its_id")
        connection.execute(update(table).where(its).values(values), changes)
    return len(changes)


def _brought_back(row: Row[Any], now: datetime) -> dict[str, Any]:
    was: Mapping[str, Any] = dict(row._mapping)
    sent_at = was["first_sent_at"] or (was["updated_at"] if was["state"] == "running" else None)
    values = {name: was[name] and min(was[name], now) for name in _WRITTEN}
    values["first_sent_at"] = sent_at and sent_before(sent_at, now)
    values["run_at"] = now if was["updated_at"] > now + _SKEW else was["run_at"]
    return {**values, "absent_since": None}  # it is looked for from the beginning


def _wait(row: Row[Any], now: datetime) -> float:
    """Seconds that it was to wait; none where it was written again since the clock was set."""
    wait: timedelta = row.run_at - row.updated_at
    return wait.total_seconds() if row.updated_at > now + _SKEW else 0.0


def _is_to_come(row: Row[Any], now: datetime) -> bool:
    return any(at is not None and at > now + _SKEW for at in map(row._mapping.get, _WRITTEN))


def _is_whole(row: Row[Any]) -> bool:
    """What is damaged is told when it is claimed."""
    return all(isinstance(row._mapping[name], datetime | None) for name in (*_WRITTEN, "run_at"))
