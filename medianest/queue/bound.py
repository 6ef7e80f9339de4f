"""The bound of the queue: so many operations wait at most, of each client and in all."""

from __future__ import annotations

import threading
from collections import Counter

from sqlalchemy import Connection, func, select, text

from medianest.config import QueueSettings
from medianest.queue.errors import QueueFullError
from medianest.resilience import Clock
from medianest.storage.tables import deferred_operations as table

__all__ = ["QueueBound"]

_SECONDS = 1.0
"""How old a count may be. Counting for each operation would cost more than keeping it."""

_NOT_DONE = text("state IN ('pending', 'running', 'dead')")


class QueueBound:
    """Refuses operations before they fill the disk. Counts once a second and adds what it has
    seen since, so that several processes together may keep a second's worth more. Thread-safe."""

    def __init__(self, settings: QueueSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self._counted_at = float("-inf")
        self._in_all = 0
        self._of_client: Counter[str | None] = Counter()

    def refusal(self, connection: Connection, client: str | None) -> QueueFullError | None:
        """Why one more is too many, or None. Counts in the transaction that would keep it."""
        now = self._clock.now()
        if now - self._counted_at >= _SECONDS:
            self._counted_at = now  # one counts, the others go on with what was known
            found, in_all = _count(connection)
            with self._lock:
                self._of_client, self._in_all = found, in_all
        if self._in_all >= self._settings.max_operations:
            return QueueFullError(self._in_all, None)
        if self._of_client[client] >= self._settings.max_operations_per_client:
            return QueueFullError(self._of_client[client], client or "this client")
        return None

    def note(self, client: str | None) -> None:
        """One more is kept."""
        with self._lock:
            self._in_all += 1
            self._of_client[client] += 1


def _count(connection: Connection) -> tuple[Counter[str | None], int]:
    kept = select(table.c.requested_by, func.count()).where(_NOT_DONE)
    rows = connection.execute(kept.group_by(table.c.requested_by))
    found: Counter[str | None] = Counter({row[0]: row[1] for row in rows})
    return found, found.total()
