"""The breaker does what a plain model of it does, whatever comes in whatever order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from medianest.resilience import (
    CircuitBreaker,
    CircuitBreakerOptions,
    CircuitOpenError,
    ManualClock,
    Permit,
)
from tests.support.narrowing import not_none

from .breaker_model import Admitted, Model

pytestmark = pytest.mark.slow


START = 1_000.0
PERIOD = 120.0
"""Its slices are one second long and every time is a whole second, so counts are exact."""

ERRORS = {"failures": ConnectionError, "ignored": KeyError, "unexpected": ValueError}
SECONDS = st.sampled_from([1, 2, 3, 5, 7, 13, 29, 30, 31, 59, 61, 119, 120, 121, 241, 601])
EXPIRY = st.none() | st.sampled_from([1.0, 17.0, 60.0, 240.0])

OPTIONS = st.builds(
    CircuitBreakerOptions,
    failure_threshold=st.integers(1, 4),
    failure_rate_threshold=st.sampled_from([0.0, 0.5, 1.0]),
    minimum_number_of_calls=st.sampled_from([1, 3]),
    monitoring_period=st.just(PERIOD),
    reset_timeout=st.sampled_from([10.0, 30.0]),
    max_reset_timeout=st.sampled_from([20.0, 80.0]),
    backoff_factor=st.sampled_from([1.0, 2.0]),
    jitter=st.sampled_from([0.0, 0.25]),  # exact in binary, as the times are
    half_open_max_calls=st.integers(1, 3),
    half_open_timeout=st.sampled_from([5.0, 45.0]),
    slow_call_duration_threshold=st.sampled_from([None, 13.0, 60.0]),
    counting=st.sampled_from(["window", "consecutive"]),
    expected_errors=st.just((ConnectionError,)),
    ignored_errors=st.just((KeyError,)),
)


class BreakerMachine(RuleBasedStateMachine):
    """Drives a breaker and its model side by side."""

    @initialize(
        options=OPTIONS,
        drawn=st.sampled_from([0.0, 0.5, 0.75, 1.0]),
        watched=st.booleans(),
        meddling=st.booleans(),
    )
    def begin(
        self, options: CircuitBreakerOptions, drawn: float, watched: bool, meddling: bool
    ) -> None:
        self.clock = ManualClock(START)
        self.breaker = CircuitBreaker("plex", options, clock=self.clock, random=lambda: drawn)
        self.model = Model(options, drawn, START)
        self.open: list[tuple[Permit, Admitted]] = []
        self.last_generation = 0
        self.watched, self.meddling = watched, meddling

    # -- time ----------------------------------------------------------------------------------

    @rule(seconds=SECONDS)
    def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.model.now += seconds

    @precondition(lambda self: self.model.state == "open")
    @rule(early=st.sampled_from([0, 0, 0, 1]), probes=st.integers(0, 4))
    def wait(self, early: int, probes: int) -> None:
        self.advance(max(0, math.ceil(self.model.wait_until - self.model.now) - early))
        for _ in range(probes):
            self.acquire()

    # -- calls ---------------------------------------------------------------------------------

    @rule()
    def acquire(self) -> None:
        expected = self.model.admit()
        if expected is None:
            self.refused(self.breaker.acquire)
        else:
            self.open.append((self.breaker.acquire(), expected))

    @rule(
        outcome=st.sampled_from(["successes", "successes", *ERRORS, "released"]),
        decorated=st.booleans(),
        times=st.sampled_from([1, 1, 2, 5]),
    )
    def call(self, outcome: str, decorated: bool, times: int) -> None:
        def function() -> str:
            if outcome != "successes":
                raise ERRORS.get(outcome, KeyboardInterrupt)
            return "answer"

        protected = self.breaker(function) if decorated else lambda: self.breaker.call(function)
        for _ in range(times):
            expected = self.model.admit()
            if expected is None:
                self.refused(protected)
                continue
            self.model.settle(expected, outcome)
            if outcome == "successes":
                assert protected() == "answer"
            else:
                with pytest.raises(ERRORS.get(outcome, KeyboardInterrupt)):
                    protected()

    @precondition(lambda self: self.model.state == "closed")
    @rule(decorated=st.booleans())
    def break_down(self, decorated: bool) -> None:
        self.call("failures", decorated, self.model.options.failure_threshold)

    @precondition(lambda self: self.open)
    @rule(
        which=st.integers(0, 1_000),
        outcome=st.sampled_from(["successes", *ERRORS, "released", "interrupted"]),
        after=st.sampled_from([0, 0, 1, 5, 13, 45]),
    )
    def settle(self, which: int, outcome: str, after: int) -> None:
        self.advance(after)
        permit, expected = self.open.pop(which % len(self.open))
        self.model.settle(expected, "released" if outcome == "interrupted" else outcome)
        for _ in range(2):  # the second time does nothing
            if outcome == "successes":
                permit.success()
            elif outcome == "released":
                permit.release()
            else:
                permit.failure(ERRORS.get(outcome, KeyboardInterrupt)())

    @precondition(lambda self: self.open)
    @rule()
    def forget(self) -> None:
        """The oldest permit is never settled; it is left to expire."""
        self.open.pop(0)

    def refused(self, attempt: Callable[..., Any]) -> None:
        with pytest.raises(CircuitOpenError) as caught:
            attempt()
        if self.model.state == "forced_open" and self.model.expires_at is not None:
            assert 0 < not_none(caught.value.retry_after) <= self.model.expires_at - self.model.now
        else:
            assert caught.value.retry_after == self.model.retry_after()

    # -- operators -----------------------------------------------------------------------------

    @precondition(lambda self: self.model.state not in ("open", "half_open") or self.meddling)
    @rule(
        action=st.sampled_from(["open", "disable", "close", "reset", "enable"]), expires_in=EXPIRY
    )
    def operate(self, action: str, expires_in: float | None) -> None:
        if action in ("open", "disable"):
            getattr(self.breaker, action)("because", actor="kim", expires_in=expires_in)
        else:
            getattr(self.breaker, action)()
            expires_in = None
        self.model.operate(action, expires_in)

    # -- what must hold ------------------------------------------------------------------------

    @rule()
    def look(self) -> None:
        self.check()

    @invariant()
    def watch(self) -> None:
        # Not in every run: a look makes due what nobody would have noticed yet.
        if getattr(self, "watched", False):
            self.check()

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.check()

    def check(self) -> None:
        self.model.look()
        model, snapshot = self.model, self.breaker.snapshot()
        assert snapshot.state.value == model.state
        assert snapshot.generation == model.generation >= self.last_generation
        self.last_generation = model.generation
        counts, totals = snapshot.as_dict()["counts"], snapshot.as_dict()["totals"]
        assert counts.pop("rejected") == model.rejected
        assert counts == {name: model.counts()[name] for name in counts}
        assert totals == {name: model.totals[name] for name in totals}
        assert snapshot.in_flight == len(model.admitted)
        assert snapshot.consecutive_failures == model.in_a_row
        assert snapshot.openings_in_a_row == model.openings_in_a_row()
        if model.state != "forced_open" or snapshot.expires_at is None:
            assert snapshot.retry_after == model.retry_after()
        if model.state == "half_open":
            assert len(model.probes) + model.passed <= model.options.half_open_max_calls


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(
    max_examples=300,
    stateful_step_count=50,
    report_multiple_bugs=False,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
