"""How long calls through a breaker took since it was made, in ranges that add up over processes.

No call pays for it: a slice of the window is counted once, when the next one begins.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

__all__ = ["BOUNDS", "DurationCounts", "Durations"]

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the ranges in seconds."""


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
        self._counts: list[float] = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0

    def add(self, samples: list[float], weight: float) -> None:
        """Durations in seconds, and how many calls each of them stands for."""
        for took in samples:
            self._counts[bisect_left(BOUNDS, took)] += weight
        self._seconds += weight * sum(samples)

    def read(self) -> Durations:
        """As they are now."""
        return Durations(tuple(self._counts), self._seconds)
