"""A DDSketch of durations (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch
with relative-error guarantees", VLDB 2019): a counter for each range of durations, which is wide
where they are long, so that any percentile is right to 2 %.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Sketch"]

_GAMMA = 1.04
_LOG_GAMMA = math.log(_GAMMA)
_SHORTEST = 1e-6


@dataclass(slots=True)
class Sketch:
    """How long requests took, in seconds, and how many of them failed. Not thread-safe."""

    requests: int = 0
    errors: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    ranges: Counter[int] = field(default_factory=Counter)

    def note(self, took: float, failed: bool) -> None:
        """Count one request."""
        self.requests += 1
        self.errors += failed
        self.seconds += took
        self.longest = max(self.longest, took)
        self.ranges[math.ceil(math.log(max(took, _SHORTEST)) / _LOG_GAMMA)] += 1

    def copy(self) -> Sketch:
        """As it is now."""
        found = Sketch()
        found.merge(self)
        return found

    def merge(self, other: Sketch) -> None:
        """Count those of another one, too."""
        self.requests += other.requests
        self.errors += other.errors
        self.seconds += other.seconds
        self.longest = max(self.longest, other.longest)
        self.ranges.update(other.ranges)

    def since(self, before: Sketch) -> Sketch:
        """Those that have come since it was as `before`; the longest of all stands for theirs."""
        return Sketch(
            self.requests - before.requests,
            self.errors - before.errors,
            self.seconds - before.seconds,
            self.longest,
            self.ranges - before.ranges,
        )

    def quantile(self, share: float) -> float | None:
        """How long that share of the requests took at most; None while there are none."""
        rank, passed = share * self.requests, 0
        for place in sorted(self.ranges):
            passed += self.ranges[place]
            if passed >= rank:
                middle = 2 * _GAMMA**place / (_GAMMA + 1)
                return round(min(middle, self.longest), 6)
        return None
