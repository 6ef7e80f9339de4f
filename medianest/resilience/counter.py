"""A counter that any thread may bump without taking a lock."""

from __future__ import annotations

import threading
from itertools import count

__all__ = ["LockFreeCounter", "drop"]


class LockFreeCounter:
    """Counts bumps exactly: `next(tally.ticks)` is one bump, atomic in C and free of locks.

    Reading spends one tick, and the reads are subtracted, so that both stay exact.
    """

    __slots__ = ("_lock", "_reads", "ticks")

    def __init__(self) -> None:
        self.ticks = count()
        self._reads = 0
        self._lock = threading.Lock()

    def read(self) -> int:
        """How often it was bumped."""
        with self._lock:
            bumps = next(self.ticks) - self._reads
            self._reads += 1
            return bumps


def drop(values: list[float], value: float) -> None:
    """Remove a value if it is there: it may have expired."""
    try:
        values.remove(value)
    except ValueError:
        pass
