"""A circuit breaker as its description says it, written without regard to cost.

Everything is a list of what happened; every question walks the list. Times are whole seconds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from medianest.resilience import CircuitBreakerOptions


@dataclass
class Admitted:
    """A call that was admitted and has not been settled."""

    started: float
    generation: int


@dataclass
class Model:
    """States, counts and leases of a breaker whose random numbers are always `drawn`."""

    options: CircuitBreakerOptions
    drawn: float
    now: float
    state: str = "closed"
    since: float = 0.0
    generation: int = 1
    results: list[tuple[float, str, bool]] = field(default_factory=list)
    admitted: list[Admitted] = field(default_factory=list)
    probes: list[Admitted] = field(default_factory=list)
    passed: int = 0
    in_a_row: int = 0
    slow_in_a_row: int = 0
    well_at: float = 0.0
    row: int = 0
    wait_until: float = 0.0
    expires_at: float | None = None
    rejected: int = 0
    totals: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.since = self.well_at = self.now

    # -- time ----------------------------------------------------------------------------------

    def look(self) -> None:
        """What has become due by now happens."""
        if self.expires_at is not None and self.now >= self.expires_at:
            self.begin("closed", self.expires_at)
            self.row = 0
        lease = self.options.half_open_timeout
        slow = self.options.slow_call_duration_threshold
        patience = min(lease, slow or lease)
        if self.state == "half_open" and self.probes:
            first = min(probe.started for probe in self.probes)
            if self.now >= first + patience:
                self.open(first + patience)
        forgotten = lease + slow if slow is not None and slow >= lease else lease
        self.admitted = [a for a in self.admitted if a.started > self.now - forgotten]
        if self.state == "closed" and self.overdue(self.since) and self.judge_slow():
            self.open(self.now)

    def begin(self, state: str, at: float, expires_in: float | None = None) -> None:
        self.state, self.since, self.generation = state, at, self.generation + 1
        self.results, self.probes, self.passed = [], [], 0
        self.in_a_row, self.slow_in_a_row, self.well_at = 0, 0, at
        self.expires_at = None if expires_in is None else at + expires_in
        self.rejected = 0

    def open(self, at: float) -> None:
        options = self.options
        if self.state == "closed" and at - self.since >= options.monitoring_period:
            self.row = 0  # it was well for long enough
        self.row += 1
        self.totals["openings"] += 1
        self.begin("open", at)
        wait = options.reset_timeout
        for _ in range(self.row - 1):
            wait = min(wait * options.backoff_factor, options.max_reset_timeout)
        wait = min(wait, options.max_reset_timeout)
        self.wait_until = at + wait + wait * options.jitter * (2 * self.drawn - 1)

    # -- calls ---------------------------------------------------------------------------------

    def admit(self) -> Admitted | None:
        self.look()
        if self.state == "open" and self.now >= self.wait_until:
            self.begin("half_open", self.now)
        if self.state in ("closed", "disabled") or (self.state == "half_open" and self.room()):
            made = Admitted(self.now, self.generation)
            self.admitted.append(made)
            if self.state == "half_open":
                self.probes.append(made)
            return made
        self.rejected += 1
        self.totals["rejected"] += 1
        return None

    def room(self) -> bool:
        return len(self.probes) + self.passed < self.options.half_open_max_calls

    def settle(self, call: Admitted, outcome: str) -> None:
        self.admitted = [a for a in self.admitted if a is not call]
        self.look()
        if call.generation != self.generation:
            return
        self.probes = [probe for probe in self.probes if probe is not call]
        if outcome == "released":
            return
        slow = outcome in ("successes", "failures") and self.is_slow(call)
        self.results.append((self.now, outcome, slow))
        self.totals[outcome] += 1
        self.totals["slow"] += slow
        if outcome == "failures":
            self.in_a_row += 1
        elif outcome == "successes":
            self.in_a_row = 0
        self.slow_in_a_row += slow
        if outcome == "successes" and not slow:
            self.slow_in_a_row, self.well_at = 0, self.now
        if self.state == "half_open":
            self.judge_probe(outcome, slow)
            return
        too_bad = outcome == "failures" and self.judge_failures()
        if self.state == "closed" and (too_bad or (slow and self.judge_slow())):
            self.open(self.now)

    def judge_probe(self, outcome: str, slow: bool) -> None:
        if outcome == "failures" or slow:
            self.open(self.now)
        elif outcome == "successes":
            self.passed += 1
            if self.passed == self.options.half_open_max_calls:
                self.begin("closed", self.now)

    def judge_failures(self) -> bool:
        counts = self.counts()
        if self.options.counting == "consecutive":
            return self.in_a_row >= self.options.failure_threshold
        calls = counts["successes"] + counts["failures"]
        return self.is_too_much(counts["failures"], calls, self.options.failure_rate_threshold)

    def judge_slow(self) -> bool:
        counts, overdue = self.counts(), self.overdue(self.since)
        if self.options.counting == "consecutive":
            slow_in_a_row = self.slow_in_a_row + self.overdue(self.well_at)
            return slow_in_a_row >= self.options.failure_threshold
        slow = counts["slow"] + overdue
        calls = counts["successes"] + counts["failures"] + overdue
        return self.is_too_much(slow, calls, self.options.slow_call_rate_threshold)

    def is_too_much(self, number: int, calls: int, share: float) -> bool:
        enough = calls >= self.options.minimum_number_of_calls
        return enough and number >= max(self.options.failure_threshold, share * calls)

    def is_slow(self, call: Admitted) -> bool:
        threshold = self.options.slow_call_duration_threshold
        return threshold is not None and self.now - call.started >= threshold

    def overdue(self, since: float) -> int:
        """Calls in flight that began at `since` or later and are slow already."""
        return sum(self.is_slow(a) for a in self.admitted if a.started >= since)

    def counts(self) -> Counter[str]:
        """What finished within the period."""
        kept = [r for r in self.results if r[0] > self.now - self.options.monitoring_period]
        counts = Counter(outcome for _, outcome, _ in kept)
        counts["slow"] = sum(slow for _, _, slow in kept)
        return counts

    # -- operators -----------------------------------------------------------------------------

    def operate(self, action: str, expires_in: float | None) -> None:
        self.look()
        if action == "enable" and self.state not in ("forced_open", "disabled"):
            return
        state = {"open": "forced_open", "disable": "disabled"}.get(action, "closed")
        self.begin(state, self.now, expires_in)
        self.row = 0
        if action == "reset":
            self.totals.clear()

    def openings_in_a_row(self) -> int:
        closed_for = self.now - self.since if self.state == "closed" else 0
        return 0 if closed_for >= self.options.monitoring_period else self.row

    def retry_after(self) -> float | None:
        if self.state == "open":
            return max(0.0, self.wait_until - self.now)
        if self.state == "half_open":
            return 0.0 if self.room() else min(1.0, self.options.half_open_timeout)
        return None
