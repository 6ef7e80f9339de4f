"""The sliding window: what happened over the last `period` seconds, in slices.

A quick success costs one `list.append` of its duration, atomic and without a lock: the hot path
calls `pending.append` itself. Everything else is called with the breaker's lock held.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TypeAlias

from medianest.resilience.circuit_breaker.durations import DurationCounts
from medianest.resilience.outcome import Outcome

__all__ = [
    "FAILURE",
    "SLOW",
    "SUCCESS",
    "TICK",
    "Batch",
    "Counts",
    "Latency",
    "Window",
    "no_counts",
]

SLICES = 120
"""Entries leave the window one slice at a time, so it is exact to period / SLICES."""

TICK = 0.05
"""Seconds after which a call looks whether there is something to do, such as to count appended
successes; bounds the memory that they take."""

_KEEP = 128
"""Durations kept of one slice for percentiles, evenly spread; counts and the maximum are exact."""

Batch: TypeAlias = tuple[float, list[float]]
"""Durations, and the number of calls that each of them stands for."""

Counts: TypeAlias = list[int]
"""Finished calls by Outcome, and at SLOW those of them (good or failed) that were slow."""

SUCCESS, FAILURE = int(Outcome.SUCCESS), int(Outcome.FAILURE)
"""As plain numbers, for what each failure pays: to find a member of an enum and to index by it
takes 20 to 60 ns."""

SLOW = 4


def no_counts() -> Counts:
    """Zero of each."""
    return [0, 0, 0, 0, 0]


@dataclass(frozen=True, slots=True)
class Latency:
    """Durations of finished calls in seconds; None while there are none."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None

    @classmethod
    def of(cls, batches: list[Batch], longest: float) -> Latency:
        """Percentiles by nearest rank. Sorts: call it without a lock."""
        weighted = sorted((took, weight) for weight, batch in batches for took in batch)
        if not weighted:
            return cls()
        passed = list(accumulate(weight for _, weight in weighted))
        ranks = (bisect_left(passed, passed[-1] * share) for share in (0.5, 0.95, 0.99))
        p50, p95, p99 = (weighted[rank][0] for rank in ranks)
        return cls(p50, p95, p99, longest)


@dataclass(slots=True)
class _Slice:
    start: float
    counts: Counts = field(default_factory=no_counts)
    longest: float = 0.0
    samples: list[float] = field(default_factory=list)
    stride: int = 1
    """One duration in so many is kept."""
    seen: int = 0

    def thin(self) -> None:
        """Keep every second duration of those kept."""
        self.samples = self.samples[::2]
        self.stride *= 2

    def note_all(self, batch: list[float]) -> None:
        """Keep every `stride`-th duration; twice the stride when they become too many."""
        longest = max(batch)
        if longest > self.longest:
            self.longest = longest
        while len(self.samples) + len(batch) // self.stride >= _KEEP:
            self.thin()
        self.samples += batch[-self.seen % self.stride :: self.stride]
        self.seen += len(batch)


class Window:
    """Counts and latencies of the last `period` seconds.

    `retired` collects the counts that have left it, so that `retired + counts` is everything.
    `durations` gets those of each whole slice once: by `tell_durations`, or when the slice leaves.
    """

    __slots__ = (
        "_durations",
        "_newest",
        "_period",
        "_slices",
        "_told",
        "_width",
        "counts",
        "folded_at",
        "pending",
        "retired",
        "slides_at",
    )

    def __init__(self, period: float, now: float, durations: DurationCounts | None = None) -> None:
        self._durations = durations or DurationCounts()
        self._period = period
        self._width = period / SLICES
        self._newest = _Slice(now)
        self._slices = [self._newest]
        self._told = 0
        """So many of the oldest slices are in `durations`."""
        self.slides_at = now + self._width
        """When the newest slice is full."""
        self.folded_at = now
        self.pending: list[float] = []
        """Appended successes that are not counted yet."""
        self.counts = no_counts()
        self.retired = no_counts()

    def fold(self, now: float) -> int:
        """Count the appended successes, forget what is too old; the number of successes."""
        self.folded_at = now
        pending = self.pending
        number = len(pending)
        if number:
            # The same list for ever: an append that races with this lands behind `number`.
            batch = pending[:number]
            del pending[:number]
            self._add_batch(batch)
        if now >= self.slides_at:
            self._slide(now)
        return number

    def end(self, now: float) -> None:
        """Fold for the last time: nothing is counted after it."""
        self.fold(now)
        self._tell(len(self._slices))

    def tell_durations(self) -> None:
        """Let `durations` know all slices that are whole."""
        self._tell(len(self._slices) - 1)

    def add(self, outcome: int, took: float, slow: bool) -> None:
        """Count one finished call in the newest slice; call `fold` first."""
        newest = self._newest
        newest.counts[outcome] += 1
        self.counts[outcome] += 1
        if slow:
            newest.counts[SLOW] += 1
            self.counts[SLOW] += 1
        if outcome <= FAILURE:
            # As `note_all`, written out for one: a failure pays for each call made here.
            if took > newest.longest:
                newest.longest = took
            if newest.seen % newest.stride == 0:
                newest.samples.append(took)
                if len(newest.samples) >= _KEEP:
                    newest.thin()
            newest.seen += 1

    def batches(self) -> tuple[list[Batch], float]:
        """The durations of the period, as of the last `fold`, and the longest of them."""
        sampled = [part for part in self._slices if part.samples]
        batches = [(part.seen / len(part.samples), part.samples[:]) for part in sampled]
        return batches, max(part.longest for part in self._slices)

    def _add_batch(self, batch: list[float]) -> None:
        newest = self._newest
        number = len(batch)
        newest.counts[SUCCESS] += number
        self.counts[SUCCESS] += number
        newest.note_all(batch)

    def _tell(self, number: int) -> None:
        for part in self._slices[self._told : number]:
            self._durations.add(part.samples, part.seen, part.longest)
        self._told = number

    def _slide(self, now: float) -> None:
        slices = self._slices
        self._newest = _Slice(now)
        slices.append(self._newest)
        self.slides_at = now + self._width
        oldest_kept = now - self._period
        while slices[0].start <= oldest_kept:
            self._retire(slices.pop(0))

    def _retire(self, oldest: _Slice) -> None:
        if self._told:
            self._told -= 1
        else:
            self._durations.add(oldest.samples, oldest.seen, oldest.longest)
        for place, number in enumerate(oldest.counts):
            if number:
                self.counts[place] -= number
                self.retired[place] += number
