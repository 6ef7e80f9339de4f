"""What operators do to a breaker, and that nothing automatic undoes it."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from blinker import Signal

from medianest.resilience import (
    CircuitBreaker,
    CircuitOpenError,
    ConfigurationError,
    ManualClock,
    State,
)
from medianest.resilience.events import CallRefused, call_refused, state_changed, would_have_opened
from tests.resilience.conftest import Fail, MakeBreaker
from tests.support.narrowing import not_none

HOUR = 3_600.0


@pytest.fixture
def breaker(make_breaker: MakeBreaker) -> CircuitBreaker:
    return make_breaker(failure_threshold=3)


def test_open_refuses_every_call_however_long_it_takes(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    breaker.open("maintenance", actor="kim")
    for _ in range(10):
        assert breaker.state is State.FORCED_OPEN
        with pytest.raises(CircuitOpenError):
            breaker.call(int)
        clock.advance(HOUR)


@pytest.mark.parametrize("listened_to", [False, True])
def test_whoever_is_refused_for_good_is_told_by_whom_and_no_wait(
    breaker: CircuitBreaker, listened_to: bool
) -> None:
    """Keeps out: "try again in 30 s", again and again."""
    breaker.open("maintenance")
    events: list[CallRefused] = []
    told = f"circuit breaker {breaker.name!r} is open: an operator has opened it"
    with call_refused.connected_to(events.append) if listened_to else nullcontext():
        for call in (lambda: breaker.call(int), breaker(lambda: None), breaker.acquire):
            with pytest.raises(CircuitOpenError) as caught:
                call()
            for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
                assert (str(error), error.retry_after) == (told, None)
    assert [event.retry_after for event in events] == [None] * 3 * listened_to
    assert breaker.snapshot().retry_after is None


def test_the_snapshot_says_who_did_what_why_and_until_when(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    breaker.open("maintenance", actor="kim", expires_in=600)
    snapshot = breaker.snapshot()
    assert (snapshot.reason, snapshot.actor) == ("maintenance", "kim")
    assert (not_none(snapshot.expires_at) - clock.utc()).total_seconds() == 600
    assert snapshot.next_attempt is None


def test_open_expires_to_closed(breaker: CircuitBreaker, clock: ManualClock) -> None:
    breaker.open(expires_in=600)
    clock.advance(599)
    with pytest.raises(CircuitOpenError) as caught:
        breaker.call(int)
    assert not_none(caught.value.retry_after) <= 1
    clock.advance(1)
    assert breaker.call(int) == 0
    assert breaker.state is State.CLOSED


@pytest.mark.parametrize("expires_in", [0, -1, math.inf, math.nan])
def test_an_expiry_that_is_no_time_ahead_is_refused(
    breaker: CircuitBreaker, expires_in: float
) -> None:
    with pytest.raises(ConfigurationError, match="expires_in must be seconds above 0"):
        breaker.open(expires_in=expires_in)
    assert breaker.state is State.CLOSED


def test_close_closes_an_open_breaker_at_once_and_clears_the_window(
    breaker: CircuitBreaker, trip: Fail, fail: Fail
) -> None:
    trip(breaker)
    breaker.close("it is well", actor="kim")
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().counts.failures == 0
    fail(breaker, 2)
    assert breaker.state is State.CLOSED


def test_close_forgets_the_openings_in_a_row_but_not_the_totals(
    breaker: CircuitBreaker, trip: Fail
) -> None:
    trip(breaker)
    breaker.close()
    snapshot = breaker.snapshot()
    assert snapshot.openings_in_a_row == 0
    assert (snapshot.totals.failures, snapshot.totals.openings) == (3, 1)
    assert snapshot.last_failure is not None


def test_reset_makes_it_as_new_but_for_the_generation(
    breaker: CircuitBreaker, trip: Fail, clock: ManualClock
) -> None:
    trip(breaker)
    with pytest.raises(CircuitOpenError):
        breaker.call(int)
    generation = breaker.snapshot().generation
    breaker.reset()
    snapshot = breaker.snapshot()
    assert snapshot.state is State.CLOSED
    assert snapshot.generation == generation + 1
    assert (snapshot.last_failure, snapshot.openings_in_a_row) == (None, 0)
    assert set(snapshot.as_dict()["totals"].values()) == {0}
    assert set(snapshot.as_dict()["counts"].values()) == {0}


def test_disable_admits_every_call_and_still_counts(breaker: CircuitBreaker, fail: Fail) -> None:
    breaker.disable("it lies", actor="kim")
    fail(breaker, 50)
    snapshot = breaker.snapshot()
    assert snapshot.state is State.DISABLED
    assert (snapshot.counts.failures, snapshot.failure_rate) == (50, 1.0)


def test_a_disabled_breaker_announces_once_that_it_would_have_opened(
    breaker: CircuitBreaker, fail: Fail, heard: Callable[[Signal], list[Any]]
) -> None:
    announced = heard(would_have_opened)
    breaker.disable()
    fail(breaker, 2)
    assert announced == []
    fail(breaker, 10)
    assert [(event.name, event.reason) for event in announced] == [("plex", "3 of 3 calls failed")]


def test_a_disabled_breaker_announces_again_after_it_was_well(
    breaker: CircuitBreaker, fail: Fail, heard: Callable[[Signal], list[Any]], clock: ManualClock
) -> None:
    announced = heard(would_have_opened)
    breaker.disable()
    fail(breaker, 3)
    clock.advance(61)
    fail(breaker, 3)
    assert len(announced) == 2


def test_disable_expires_to_closed_with_nothing_counted_against_it(
    breaker: CircuitBreaker, fail: Fail, clock: ManualClock
) -> None:
    breaker.disable(expires_in=600)
    fail(breaker, 50)
    clock.advance(600)
    assert breaker.state is State.CLOSED
    fail(breaker, 2)
    assert breaker.state is State.CLOSED
    fail(breaker)
    assert breaker.state is State.OPEN


@pytest.mark.parametrize("action", ["open", "disable"])
def test_enable_ends_what_an_operator_did(breaker: CircuitBreaker, action: str) -> None:
    getattr(breaker, action)()
    breaker.enable("done", actor="kim")
    assert breaker.state is State.CLOSED
    assert (breaker.snapshot().reason, breaker.snapshot().actor) == ("done", "kim")


def test_enable_changes_nothing_on_an_automatic_breaker(
    breaker: CircuitBreaker, trip: Fail, heard: Callable[[Signal], list[Any]]
) -> None:
    trip(breaker)
    changes = heard(state_changed)
    breaker.enable()
    assert breaker.state is State.OPEN
    assert changes == []


def test_a_forced_breaker_is_not_closed_by_results_that_come_in(
    make_breaker: MakeBreaker, half_open: Fail
) -> None:
    breaker = make_breaker(half_open_max_calls=1)
    half_open(breaker)
    probe = breaker.acquire()
    breaker.open()
    probe.success()
    assert breaker.state is State.FORCED_OPEN


def test_a_disabled_breaker_is_not_opened_by_results_that_come_in(
    breaker: CircuitBreaker, fail: Fail
) -> None:
    permits = [breaker.acquire() for _ in range(10)]
    breaker.disable()
    for permit in permits:
        permit.failure(ConnectionError())
    fail(breaker, 10)
    assert breaker.state is State.DISABLED


def test_a_lease_that_expires_does_not_undo_what_an_operator_did(
    make_breaker: MakeBreaker, half_open: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(half_open_timeout=30)
    half_open(breaker)
    breaker.acquire()
    breaker.open()
    clock.advance(HOUR)
    assert breaker.state is State.FORCED_OPEN


def test_an_operators_wish_replaces_the_one_before_with_its_expiry(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    breaker.open(expires_in=600)
    breaker.open()
    clock.advance(601)
    assert breaker.state is State.FORCED_OPEN
    breaker.disable()
    assert breaker.state is State.DISABLED
    breaker.open(expires_in=10)
    clock.advance(10)
    assert breaker.state is State.CLOSED


def test_an_opening_after_an_operators_action_is_the_first_of_its_row(
    breaker: CircuitBreaker, trip: Fail, half_open: Fail, fail: Fail
) -> None:
    half_open(breaker)
    fail(breaker)
    assert breaker.snapshot().openings_in_a_row == 2
    breaker.disable()
    breaker.enable()
    trip(breaker)
    assert breaker.snapshot().openings_in_a_row == 1


@pytest.mark.parametrize(
    ("action", "after"),
    [
        ("open", "forced_open"),
        ("close", "closed"),
        ("reset", "closed"),
        ("disable", "disabled"),
    ],
)
def test_each_action_is_an_event_with_reason_and_actor(
    breaker: CircuitBreaker,
    trip: Fail,
    heard: Callable[[Signal], list[Any]],
    action: str,
    after: str,
) -> None:
    trip(breaker)
    changes = heard(state_changed)
    getattr(breaker, action)("because", actor="kim")
    (change,) = changes
    assert (change.name, change.before, change.after) == ("plex", "open", after)
    assert (change.trigger, change.reason, change.actor) == (action, "because", "kim")
    assert change.generation == breaker.snapshot().generation


def test_an_expiry_is_an_event_at_the_time_it_was_due(
    breaker: CircuitBreaker, heard: Callable[[Signal], list[Any]], clock: ManualClock
) -> None:
    breaker.open(expires_in=600)
    changes, since = heard(state_changed), clock.utc()
    clock.advance(HOUR)
    assert breaker.state is State.CLOSED
    (change,) = changes
    assert (change.trigger, change.actor) == ("expired", None)
    assert (change.at - since).total_seconds() == 600
