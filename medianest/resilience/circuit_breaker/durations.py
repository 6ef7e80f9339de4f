"""How long calls through a breaker took since it was made, in ranges that add up over processes.

No call pays for it, not even the first one in a new slice of the window: a slice that is whole is
counted once, by the next who reads, or when it leaves the window if nobody has read.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

__all__ = ["BOUNDS", "DurationCounts", "Durations"]

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the ranges in seconds."""

_NONE: Final = (0,) * (len(BOUNDS) + 1)


@dataclass(frozen=True, slots=True)
class Durations:
    """Finished calls, good and failed, by how long they took: how many up to each of BOUNDS, how
    many took longer, and the seconds of all. Of a slice with more than 128 calls the ranges are
    estimated, so they may be fractions."""

    counts: tuple[float, ...]
    seconds: float


class DurationCounts:
    """Counts them. Needs the breaker's lock."""

    __slots__ = ("_counts", "_seconds")

    def __init__(self) -> None:
        self._counts: list[float] | None = None  # most breakers of many are never called
        self._seconds = 0.0

    def add(self, samples: list[float], calls: int, longest: float) -> None:
        """So many calls, the longest of them, and the durations of some."""
        if not samples:
            return
        if (counts := self._counts) is None:
            counts = self._counts = list(_NONE)
        weight = calls / len(samples)
        self._seconds += weight * sum(samples)
        if longest <= BOUNDS[0]:
            # Finding the range of each takes as long as a quick call does.
            counts[0] += calls
            return
        for took in samples:
            counts[bisect_left(BOUNDS, took)] += weight

    def read(self) -> Durations:
        """As they are now."""
        return Durations(tuple(self._counts or _NONE), self._seconds)
