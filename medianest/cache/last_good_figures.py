"""How often last good answers were looked for, and which tier had them."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Literal

__all__ = ["LastGoodFigures", "TierFigures"]

Tier = Literal["memory", "redis"]
Event = Literal["hits", "misses", "failures", "served"]


@dataclass(frozen=True, slots=True)
class TierFigures:
    """What came of the look-ups in one tier. `failures`: it could not be asked. `served`: its
    answer was the one that was given; it may have one and yet another tier a newer one."""

    hits: int
    misses: int
    failures: int
    served: int


@dataclass(frozen=True, slots=True)
class LastGoodFigures:
    """The last good answers of one operation since the process began. `max_age` is in seconds,
    `hit_rate` 0 to 1, or None before the first look-up; `redis` None: there is no such tier."""

    name: str
    max_age: float
    entries: int
    hits: int
    misses: int
    hit_rate: float | None
    memory: TierFigures
    redis: TierFigures | None
    written: int
    """Answers that went to Redis."""
    not_written: int
    """Answers that should have."""


class LastGoodCounts:
    """Counts what becomes of look-ups. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[Tier, Event]] = Counter()
        self._writes: Counter[bool] = Counter()
        self._look_ups: Counter[bool] = Counter()

    def note(self, tier: Tier, event: Event) -> None:
        """Something happened in a tier."""
        with self._lock:
            self._counts[tier, event] += 1

    def note_look_up(self, served: Tier | None) -> None:
        """A look-up is over, and this tier answered."""
        with self._lock:
            self._look_ups[served is not None] += 1
            if served is not None:
                self._counts[served, "served"] += 1

    def note_write(self, succeeded: bool) -> None:
        """An answer went to Redis, or should have."""
        with self._lock:
            self._writes[succeeded] += 1

    def figures(
        self, name: str, *, max_age: float, entries: int, has_redis: bool
    ) -> LastGoodFigures:
        """All of it at this instant."""
        with self._lock:
            hits, misses = self._look_ups[True], self._look_ups[False]
            return LastGoodFigures(
                name=name,
                max_age=max_age,
                entries=entries,
                hits=hits,
                misses=misses,
                hit_rate=hits / (hits + misses) if hits + misses else None,
                memory=self._tier("memory"),
                redis=self._tier("redis") if has_redis else None,
                written=self._writes[True],
                not_written=self._writes[False],
            )

    def _tier(self, tier: Tier) -> TierFigures:
        counts = self._counts
        return TierFigures(
            hits=counts[tier, "hits"],
            misses=counts[tier, "misses"],
            failures=counts[tier, "failures"],
            served=counts[tier, "served"],
        )
