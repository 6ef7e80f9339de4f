"""The state machine of a circuit breaker: pure arithmetic, run with the breaker's lock held.

Time comes in as an argument; what happened goes out through `events`, which the breaker
publishes when the lock is free again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from medianest.resilience.circuit_breaker.durations import DurationCounts
from medianest.resilience.circuit_breaker.evidence import Witness
from medianest.resilience.circuit_breaker.states import TRANSITIONS, Generation, State, Trigger
from medianest.resilience.circuit_breaker.trip_rules import failure_verdict, open_for, slow_verdict
from medianest.resilience.circuit_breaker.window import (
    FAILURE,
    SUCCESS,
    TICK,
    Counts,
    Window,
    no_counts,
)
from medianest.resilience.clock import Clock
from medianest.resilience.counter import LockFreeCounter, drop
from medianest.resilience.events import Event, StateChanged, WouldHaveOpened
from medianest.resilience.options import CircuitBreakerOptions

__all__ = ["StateMachine"]

NOBODY = 0
"""The thread of a call that is made in two phases: it may begin in one and end in another."""


class StateMachine:
    """States, transitions, counts and leases of one circuit breaker. Not thread-safe."""

    __slots__ = (
        "_clock", "_past", "_random", "durations", "events", "flights", "generation",
        "last_failure", "name", "openings", "openings_in_a_row", "options", "permits", "refused",
        "refused_before", "slow",
        "witness",
    )  # fmt: skip

    def __init__(
        self, name: str, options: CircuitBreakerOptions, clock: Clock, random: Callable[[], float]
    ) -> None:
        self.name = name
        self.options = options
        self._clock = clock
        self._random = random
        self.slow = options.slow_call_duration_threshold or math.inf
        self.events: list[Event] = []  # a deque takes 760 bytes, empty
        self.flights: list[float] = []
        """When each call that is running now began; appended and removed without the lock."""
        self.permits: list[float] = []
        """The same for permits, whose places expire."""
        self.refused = LockFreeCounter()
        self.witness: Witness | None = None
        """What is remembered for others that judge with it; None: it is on its own."""
        self._start_over()
        self.generation = self._begin(State.CLOSED, clock.now())

    def _start_over(self) -> None:
        self._past = no_counts()
        self.refused_before = self.refused.read()
        self.openings = self.openings_in_a_row = 0
        self.durations = DurationCounts()
        self.last_failure: tuple[tuple[str, str], float] | None = None  # type and message, when

    def totals(self) -> Counts:
        """Counts since the breaker was made or reset."""
        window = self.generation.window
        return [sum(parts) for parts in zip(self._past, window.retired, window.counts, strict=True)]

    def utc_of(self, at: float) -> datetime:
        """The time of day at a monotonic time."""
        return self._clock.utc() + timedelta(seconds=at - self._clock.now())

    def advance(self, now: float) -> Generation:
        """Do what the passing of time has made due. Returns the generation that rules now."""
        generation = self.generation
        if now >= generation.expires_at:
            generation = self.transition(Trigger.EXPIRED, generation.expires_at)
        if self.permits:
            self._expire_permits(now)
        if generation.admits_all:
            window = generation.window
            folded_at = window.folded_at
            if (window.pending or now >= window.slides_at) and window.fold(now):
                generation.quick_success(folded_at)  # they were appended after it
                if self.witness is not None:
                    self.witness.note_quick(now)
            if now >= generation.slow_path_from:
                self._look_after_calls(generation, now)
        elif generation.leases:
            # A probe that is slow has failed, so nobody waits for more than that.
            patience = min(self.options.half_open_timeout, self.slow)
            expiry = generation.last_sign() + patience
            if now >= expiry:
                why = "a probe was slow" if patience == self.slow else "a probe never came back"
                self.transition(Trigger.PROBE_FAILED, expiry, reason=why)
        return self.generation

    def _look_after_calls(self, generation: Generation, now: float) -> None:
        generation.slow_path_from = min(now + TICK, generation.expires_at)
        if self.openings_in_a_row and generation.is_settled(now, self.options.monitoring_period):
            self.openings_in_a_row = 0
        if self.slow < math.inf and self.overdue(now, generation.since):
            self.judge(generation, now, self._slow_verdict(generation, now))

    def admit(self, now: float, thread: int = NOBODY) -> Generation | None:
        """The generation that admits one more call, or None. `thread` is whose stack the call
        will be on, where that is known."""
        generation = self.generation
        busy = self.flights or self.permits or self.openings_in_a_row
        if not busy and generation.is_quiet(now):
            # Many breakers in turn are each called so seldom that most calls come here. No longer
            # than a call that begins now needs to become slow.
            generation.rest(now, self.slow)
            return generation
        generation = self.advance(now)
        if generation.admits_all:
            return generation
        if generation.state is State.OPEN and now >= generation.refuse_until:
            generation = self.transition(Trigger.WAIT_ELAPSED, now)
        if generation.state is State.HALF_OPEN:
            if thread != NOBODY and generation.is_probing(thread):
                # A call inside a probe is part of it: it never rules, so it counts for nothing.
                return self._begin(State.HALF_OPEN, now)
            if not self._has_place(generation):
                return None
            generation.leases.append((now, thread))
            return generation
        return None

    def _has_place(self, generation: Generation) -> bool:
        passed = generation.passed + generation.passed_elsewhere
        return len(generation.leases) + passed < self.options.half_open_max_calls

    def retry_after(self, now: float) -> float:
        """Seconds until another call may be admitted; infinite while an operator has it open."""
        generation = self.generation
        if generation.state is State.HALF_OPEN:
            if self._has_place(generation):
                return 0.0
            # The probes out now decide, usually in milliseconds and at the latest when they expire.
            return min(1.0, self.options.half_open_timeout)
        return max(0.0, generation.refuse_until - now)

    def settle(
        self,
        generation: Generation,
        started: float,
        now: float,
        outcome: int,
        failure: tuple[str, str] = ("", ""),
    ) -> None:
        """Count a finished call, if the generation that admitted it still rules.

        `failure` is the type and the message of the error, when there was one.
        """
        if self.advance(now) is not generation:
            return
        took = now - started
        slow = took >= self.slow and outcome <= FAILURE
        probe = not generation.admits_all and generation.state is State.HALF_OPEN
        if probe:
            if not generation.give_back(started):
                return
            generation.window.fold(now)  # `advance` does so only where calls flow freely
        generation.count(outcome, took, slow, now)
        if self.witness is not None:
            self.witness.note(outcome, slow, now)
        if outcome == FAILURE:
            self.last_failure = (failure, now)
        if probe:
            self._judge_probe(generation, now, outcome)
        elif outcome == FAILURE or slow:
            reason = self._verdict(generation, now, outcome, slow)
            if reason is not None or generation.open_reported:
                self.judge(generation, now, reason)

    def give_back(self, generation: Generation, started: float, now: float) -> bool:
        """A call counts for nothing: only its lease is free again. Whether it had one."""
        return self.advance(now) is generation and generation.give_back(started)

    def transition(
        self,
        trigger: Trigger,
        at: float,
        *,
        reason: str | None = None,
        actor: str | None = None,
        expires_at: float = math.inf,
    ) -> Generation:
        """Make the transition and begin its generation."""
        before = self.generation
        state = TRANSITIONS[before.state, trigger]
        before.window.end(at)
        self._past = self.totals()
        if self.witness is not None:
            self.witness.turn(state is State.CLOSED, before.window.counts, at)
        if trigger is Trigger.RESET:
            self._start_over()
        self._count_openings(state, trigger)
        self.generation = self._begin(state, at, reason, actor, expires_at, before.number + 1)
        since, number = self.generation.since_utc, self.generation.number
        was, becomes = before.state.value, state.value
        change = was, becomes, trigger.value, since, number, reason, actor
        self.events.append(StateChanged(self.name, *change, origin=id(self)))
        return self.generation

    def _count_openings(self, state: State, trigger: Trigger) -> None:
        if state is State.OPEN:
            self.openings_in_a_row += 1
            self.openings += 1
        elif state is not State.HALF_OPEN and trigger is not Trigger.PROBES_PASSED:
            self.openings_in_a_row = 0

    def _begin(
        self,
        state: State,
        at: float,
        reason: str | None = None,
        actor: str | None = None,
        expires_at: float = math.inf,
        number: int = 1,
    ) -> Generation:
        opened_for = 0.0
        if state is State.OPEN:
            opened_for = open_for(self.options, self.openings_in_a_row, self._random())
        return Generation(
            number,
            state,
            at,
            self.utc_of(at),
            Window(self.options.monitoring_period, at, self.durations),
            fast_below=min(self.slow, TICK),
            reason=reason,
            actor=actor,
            expires_at=expires_at,
            opened_for=opened_for,
            refused_before=self.refused.read(),
        )

    def _expire_permits(self, now: float) -> None:
        patience = self.options.half_open_timeout
        if patience <= self.slow < math.inf:
            patience += self.slow  # those that hang must be seen to be slow before they are gone
        limit = now - patience
        for started in [started for started in self.permits if started <= limit]:
            drop(self.permits, started)

    def _judge_probe(self, generation: Generation, now: float, outcome: int) -> None:
        if outcome == FAILURE:
            self.transition(Trigger.PROBE_FAILED, now, reason="a probe failed")
        elif outcome == SUCCESS:
            generation.passed += 1
            self.judge_passed(generation, now)

    def judge_passed(self, generation: Generation, now: float) -> None:
        """Close it when enough probes have passed, here and elsewhere."""
        if generation.passed + generation.passed_elsewhere >= self.options.half_open_max_calls:
            self.transition(Trigger.PROBES_PASSED, now)

    def judge(self, generation: Generation, now: float, reason: str | None) -> None:
        """Open it for that reason, if it is closed; None: there is none."""
        if reason is None:
            generation.open_reported = False
        elif generation.state is State.CLOSED:
            self.transition(Trigger.TRIPPED, now, reason=reason)
        elif not generation.open_reported:
            generation.open_reported = True
            self.events.append(WouldHaveOpened(self.name, self.utc_of(now), reason))

    def _verdict(self, generation: Generation, now: float, outcome: int, slow: bool) -> str | None:
        both = generation.open_reported  # what was announced is over only when neither rule holds
        reason = None
        if outcome == FAILURE or both:
            reason = failure_verdict(self.options, generation)
        if reason is None and (slow or both):
            reason = self._slow_verdict(generation, now)
        return reason

    def _slow_verdict(self, generation: Generation, now: float) -> str | None:
        consecutive = self.options.counting == "consecutive"
        since = generation.no_quick_since if consecutive else generation.since
        return slow_verdict(self.options, generation, self.overdue(now, since))

    def overdue(self, now: float, since: float) -> int:
        """Calls begun at `since` or later, in flight for longer than the slow threshold."""
        limit = now - self.slow
        return sum([since <= started <= limit for started in self.in_flight()])

    def in_flight(self) -> list[float]:
        """When each running call began."""
        return self.flights + self.permits
