"""A server that has fewer connections than all of its clients could use.

Who gets no new one waits for those that its own process has; and what nobody uses is given back
while others may need it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from medianest.resilience import Clock, remaining

__all__ = ["ScarceConnections"]

_LOOK_AGAIN = 0.1
"""Seconds after which another process may have given one back."""
_CALM = 10.0
"""Seconds until the next look at a server that had enough for all."""
_SHARE = 0.75
"""Of the time that is left for all: at its end there must be some to say what was wrong."""


class ScarceConnections:
    """The connections of one engine. Thread-safe.

    `is_full(error)` tells whether a driver's error means that the server has no more of them;
    `crowded` is a query for whether few are left.
    """

    def __init__(
        self, engine: Engine, is_full: Callable[[object], bool], crowded: str, clock: Clock
    ) -> None:
        self._engine = engine
        self._is_full = is_full
        self._crowded = text(crowded)
        self._clock = clock
        self._changed = threading.Condition()
        self._alive = 0
        self._next_look = -math.inf
        event.listen(engine, "connect", self._count_one)
        event.listen(engine, "close", self._count_off)
        event.listen(engine, "checkin", self._tell)

    def take(self, longest: float) -> Connection:
        """One of the pool, or a new one; while the server has none for us, one that comes back
        within `longest` seconds or what the deadline leaves. Raises the errors of SQLAlchemy."""
        until = self._clock.now() + _SHARE * remaining(longest)
        while True:
            try:
                return self._engine.connect()
            except OperationalError as error:
                if not self._is_full(error.orig) or self._clock.now() >= until:
                    raise
                self._next_look = -math.inf
            with self._changed:
                self._changed.wait(_LOOK_AGAIN)

    def release_idle(self) -> int:
        """Close what nobody uses now if few are left at the server; how many. Raises the errors of
        SQLAlchemy."""
        now = self._clock.now()
        if now < self._next_look or not self._idle():
            return 0
        self._next_look = now + _CALM
        if not self._is_crowded():
            return 0
        self._next_look = now
        taken: list[Any] = []
        with suppress(DBAPIError):  # somebody was quicker, and there is no new one
            taken += (self._engine.raw_connection() for _ in range(self._idle()))
        for connection in taken:
            connection.invalidate()
            connection.close()
        return len(taken)

    def _is_crowded(self) -> bool:
        with self._engine.connect() as connection:
            return bool(connection.execute(self._crowded).scalar())

    def _idle(self) -> int:
        pool: Any = self._engine.pool
        idle: int = min(pool.checkedin(), self._alive - pool.checkedout())
        return max(0, idle)

    def _count_one(self, connection: object, record: object) -> None:
        with self._changed:
            self._alive += 1

    def _count_off(self, connection: object, record: object) -> None:
        with self._changed:
            self._alive -= 1
            self._changed.notify()

    def _tell(self, connection: object, record: object) -> None:
        with self._changed:
            self._changed.notify()
