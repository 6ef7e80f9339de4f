"""What several processes have seen of one dependency, and when all of it together opens a breaker.

Each process judges its own calls by `trip_rules`. Failures that are spread over several would then
open none of them, or each after as many as one alone, so what they have seen is judged together as
well: as if one process had seen it all, with one condition more. One that fails alone says nothing
about the dependency while others have no trouble with it, so the rule must hold without the worst
of them, too, as far as it is one about shares.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from medianest.resilience.circuit_breaker.window import FAILURE, SUCCESS, Counts, no_counts
from medianest.resilience.counted import counted
from medianest.resilience.options import CircuitBreakerOptions

__all__ = ["Evidence", "Witness", "joint_verdict"]

WITNESSES: Final = 2
"""Processes that must have seen trouble before it is everybody's."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one process has seen. Instants are seconds of a clock that all of them share."""

    failed_at: tuple[float, ...] = ()
    """When its last failures were; those that some success of its own came after may be missing."""
    slow_at: tuple[float, ...] = ()
    """When its last slow calls ended, and when those began that have been slow so far."""
    good_by: float = -math.inf
    """When its last success was, or soon after."""
    quick_by: float = -math.inf
    """The same of a call that was neither slow nor a failure."""
    successes: int = 0
    """Within the monitoring period, as the next three."""
    failures: int = 0
    slow: int = 0
    overdue: int = 0
    """Calls that have not returned and are slow already; not among the others."""


class Witness:
    """Remembers what a breaker forgets, for the judgement of all. Needs the breaker's lock.

    `most` is how many failures are of interest.
    """

    __slots__ = ("_counted_at", "_counts", "failed_at", "good_by", "quick_by", "slow_at")

    def __init__(self, most: int, now: float) -> None:
        self.failed_at: deque[float] = deque(maxlen=most)
        self.slow_at: deque[float] = deque(maxlen=most)
        self.good_by = self.quick_by = now
        self._counts, self._counted_at = no_counts(), now

    def note(self, outcome: int, slow: bool, now: float) -> None:
        """One call has ended."""
        if outcome == FAILURE:
            self.failed_at.append(now)
        elif outcome == SUCCESS:
            self.good_by = now
            if not slow:
                self.quick_by = now
        if slow:
            self.slow_at.append(now)

    def note_quick(self, now: float) -> None:
        """Calls were good and quick, the last of them not later than now."""
        self.good_by = self.quick_by = now

    def turn(self, is_closed: bool, counts: Counts, now: float) -> None:
        """A state ends, with these counts, and another begins. In one that is closed nothing of
        what was before counts; in any other it is remembered for those who still judge."""
        if is_closed:
            self.failed_at.clear()
            self.slow_at.clear()
            self.note_quick(now)
        elif sum(counts):
            self._counts, self._counted_at = counts[:], now

    def counts_lately(self, now: float, period: float) -> Counts:
        """Those of the last state that counted, if it ended within the period."""
        return self._counts if now - self._counted_at < period else no_counts()


def joint_verdict(options: CircuitBreakerOptions, evidence: Collection[Evidence]) -> str | None:
    """Why a breaker opens by what all have seen; None: it does not."""
    if options.counting == "consecutive":
        return _in_a_row(options, evidence)
    return _failures(options, evidence) or _slow_calls(options, evidence)


def _in_a_row(options: CircuitBreakerOptions, evidence: Collection[Evidence]) -> str | None:
    good_by = max((each.good_by for each in evidence), default=-math.inf)
    quick_by = max((each.quick_by for each in evidence), default=-math.inf)
    failed = [sum(at > good_by for at in each.failed_at) for each in evidence]
    slow = [sum(at > quick_by for at in each.slow_at) for each in evidence]
    for numbers, what in ((failed, "failure"), (slow, "slow call")):
        witnesses, number = len(list(filter(None, numbers))), sum(numbers)
        if witnesses >= WITNESSES and number >= options.failure_threshold:
            return f"{counted(number, what)} in a row, seen by {witnesses} workers"
    return None


def _failures(options: CircuitBreakerOptions, evidence: Collection[Evidence]) -> str | None:
    seen = [(each.failures, each.failures + each.successes) for each in evidence]
    bad, calls = _sums(seen)
    if bad < options.failure_threshold or calls < options.minimum_number_of_calls:
        return None
    if not _is_everybodys(seen, options.failure_rate_threshold):
        return None
    return f"{bad} of {counted(calls, 'call')} failed, seen by {_witnesses(seen)} workers"


def _slow_calls(options: CircuitBreakerOptions, evidence: Collection[Evidence]) -> str | None:
    seen = [
        (each.slow + each.overdue, each.failures + each.successes + each.overdue)
        for each in evidence
    ]
    bad, calls = _sums(seen)
    if bad < options.failure_threshold or calls < options.minimum_number_of_calls:
        return None
    if not _is_everybodys(seen, options.slow_call_rate_threshold):
        return None
    return f"{bad} of {counted(calls, 'call')} were slow, seen by {_witnesses(seen)} workers"


Seen = list[tuple[int, int]]
"""Of each process the bad calls, and all."""


def _sums(seen: Seen) -> tuple[int, int]:
    return sum(bad for bad, _ in seen), sum(calls for _, calls in seen)


def _witnesses(seen: Seen) -> int:
    return sum(bad > 0 for bad, _ in seen)


def _is_everybodys(seen: Seen, rate: float) -> bool:
    """Whether the share is too high in all, and also without the worst of them."""
    if _witnesses(seen) < WITNESSES:
        return False
    worst = max(range(len(seen)), key=lambda place: seen[place])
    for those in (seen, seen[:worst] + seen[worst + 1 :]):
        bad, calls = _sums(those)
        if bad < rate * calls:
            return False
    return True
