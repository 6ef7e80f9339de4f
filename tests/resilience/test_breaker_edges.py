"""The instants and the numbers at which a breaker begins to do something else."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from datetime import timedelta
from typing import Any

import pytest
from blinker import Signal

from medianest.resilience import CircuitOpenError, ManualClock, State
from medianest.resilience.events import state_changed, would_have_opened
from medianest.resilience.options import MAX_SECONDS
from tests.resilience.conftest import Fail, MakeBreaker

WAYS = ["call", "decorated", "permit"]


@pytest.fixture(params=WAYS)
def call(request: pytest.FixtureRequest) -> Any:
    """`call(breaker, function)` makes a call in one of the ways in which it can be made."""

    def with_permit(breaker: Any, function: Any) -> None:
        with breaker.acquire():
            function()

    ways = {
        "call": lambda breaker, function: breaker.call(function),
        "decorated": lambda breaker, function: breaker(lambda: function())(),
        "permit": with_permit,
    }
    return ways[request.param]


def test_the_duration_of_a_call_is_the_time_from_its_beginning_to_its_end(
    make_breaker: MakeBreaker, clock: ManualClock, call: Any
) -> None:
    breaker = make_breaker()
    call(breaker, lambda: clock.advance(0.01))
    assert breaker.snapshot().latency.max == pytest.approx(0.01)


def test_a_call_that_takes_just_the_threshold_is_slow(
    make_breaker: MakeBreaker, clock: ManualClock, call: Any
) -> None:
    breaker = make_breaker(slow_call_duration_threshold=0.03125, slow_call_rate_threshold=1)
    call(breaker, lambda: clock.advance(0.03125))
    assert breaker.snapshot().counts.slow == 1


def test_a_call_at_the_instant_at_which_an_override_ends_is_counted_by_what_follows(
    make_breaker: MakeBreaker, clock: ManualClock, call: Any
) -> None:
    breaker = make_breaker()
    breaker.disable(expires_in=0.03125)
    clock.advance(0.03125)
    call(breaker, lambda: None)
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().counts.successes == 1


def test_an_override_is_over_at_its_end(make_breaker: MakeBreaker, clock: ManualClock) -> None:
    breaker = make_breaker()
    breaker.disable(expires_in=0.03125)
    clock.advance(0.03125)
    assert breaker.state is State.CLOSED


def test_an_override_may_last_as_long_as_anything(make_breaker: MakeBreaker) -> None:
    breaker = make_breaker()
    breaker.open(expires_in=MAX_SECONDS)
    assert breaker.state is State.FORCED_OPEN


def test_a_probe_that_gives_signs_of_life_keeps_its_place(
    make_breaker: MakeBreaker, half_open: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(half_open_timeout=30, half_open_max_calls=1)
    half_open(breaker)
    probe = breaker.acquire()
    for _ in range(3):
        clock.advance(20)
        probe.progress()
    assert breaker.state is State.HALF_OPEN
    probe.success()
    assert breaker.state is State.CLOSED


def test_a_probe_that_falls_silent_expires_from_its_last_sign(
    make_breaker: MakeBreaker, half_open: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(half_open_timeout=30)
    half_open(breaker)
    probe = breaker.acquire()
    clock.advance(20)
    probe.progress()
    clock.advance(29)
    assert breaker.state is State.HALF_OPEN
    clock.advance(1)
    assert breaker.state is State.OPEN


def test_a_breaker_with_a_free_place_for_a_probe_asks_nobody_to_wait(
    make_breaker: MakeBreaker, half_open: Fail
) -> None:
    breaker = make_breaker(half_open_max_calls=2)
    half_open(breaker)
    breaker.acquire()
    assert breaker.snapshot().retry_after == 0
    breaker.acquire()
    with pytest.raises(CircuitOpenError) as caught:
        breaker.acquire()
    assert caught.value.retry_after == 1


def test_a_failed_probe_is_the_reason_for_the_next_wait(
    make_breaker: MakeBreaker, half_open: Fail, fail: Fail
) -> None:
    breaker = make_breaker()
    half_open(breaker)
    fail(breaker)
    snapshot = breaker.snapshot()
    assert (snapshot.state, snapshot.reason) == (State.OPEN, "a probe failed")
    assert snapshot.totals.openings == 2


def test_calls_that_hang_are_found_slow_while_others_are_quick(
    make_breaker: MakeBreaker, clock: ManualClock
) -> None:
    """A breaker with little to do looks seldom; not so while something is on its way."""
    breaker = make_breaker(
        monitoring_period=600,
        failure_threshold=1,
        slow_call_duration_threshold=1,
        slow_call_rate_threshold=0.1,
    )
    breaker.acquire()
    for seconds in (0.99, 0.06):
        breaker.call(lambda: None)
        clock.advance(seconds)
    assert breaker.state is State.OPEN


@pytest.mark.parametrize("slow", [30, 40])
def test_a_permit_that_hangs_is_seen_to_be_slow_before_it_expires(
    make_breaker: MakeBreaker, clock: ManualClock, slow: Any
) -> None:
    breaker = make_breaker(
        failure_threshold=1, half_open_timeout=30, slow_call_duration_threshold=slow
    )
    breaker.acquire()
    clock.advance(slow)
    assert breaker.state is State.OPEN


def test_a_call_that_hangs_counts_though_a_later_one_was_quick(
    make_breaker: MakeBreaker, clock: ManualClock
) -> None:
    breaker = make_breaker(
        failure_threshold=2, slow_call_duration_threshold=1, slow_call_rate_threshold=0.5
    )
    breaker.acquire()
    clock.advance(0.5)
    breaker.call(lambda: None)
    clock.advance(0.5)
    with breaker.acquire():
        clock.advance(1)
    assert breaker.state is State.OPEN
    assert breaker.snapshot().reason == "2 of 3 calls were slow"


def test_one_slow_call_is_told_in_the_singular(
    make_breaker: MakeBreaker, clock: ManualClock
) -> None:
    breaker = make_breaker(failure_threshold=1, slow_call_duration_threshold=1)
    breaker.call(lambda: clock.advance(1))
    assert breaker.snapshot().reason == "1 of 1 call was slow"


def test_failures_are_calls_of_which_a_share_may_be_slow(
    make_breaker: MakeBreaker, clock: ManualClock, fail: Fail
) -> None:
    breaker = make_breaker(
        failure_threshold=2, slow_call_duration_threshold=1, slow_call_rate_threshold=0.5
    )
    for _ in range(2):
        breaker.call(lambda: None)
    for _ in range(2):
        fail(breaker)
        breaker.call(lambda: clock.advance(1))
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().slow_call_rate == pytest.approx(2 / 6)


def test_what_would_have_opened_it_is_told_once(
    make_breaker: MakeBreaker, clock: ManualClock, fail: Fail, heard: Callable[[Signal], list[Any]]
) -> None:
    breaker, events = make_breaker(slow_call_duration_threshold=1), heard(would_have_opened)
    breaker.disable()
    for _ in range(10):
        fail(breaker)
        clock.advance(0.1)
    assert len(events) == 1


def test_what_would_have_opened_it_is_told_with_the_time(
    make_breaker: MakeBreaker, clock: ManualClock, fail: Fail, heard: Callable[[Signal], list[Any]]
) -> None:
    breaker, events = make_breaker(failure_threshold=2), heard(would_have_opened)
    breaker.disable()
    clock.advance(5)
    fail(breaker, 2)
    assert [event.at for event in events] == [clock.utc()]
    assert events[0].at - breaker.snapshot().since == timedelta(seconds=5)


def test_who_closed_it_early_is_told_and_why(
    make_breaker: MakeBreaker, trip: Fail, heard: Callable[[Signal], list[Any]]
) -> None:
    breaker, events = make_breaker(), heard(state_changed)
    trip(breaker)
    assert breaker.close_if_open("plex answers again")
    assert (events[-1].reason, events[-1].actor) == ("plex answers again", "recovery")


def test_a_failing_predicate_is_told_with_the_breaker_it_belongs_to(
    make_breaker: MakeBreaker, fail: Fail, caplog: pytest.LogCaptureFixture
) -> None:
    breaker = make_breaker(expected_errors=lambda error: 1 / 0)
    fail(breaker)
    assert caplog.messages == ["expected_errors or ignored_errors of 'plex' failed"]
    assert "ZeroDivisionError" in caplog.text


def test_a_block_ends_what_was_begun_last(make_breaker: MakeBreaker, clock: ManualClock) -> None:
    breaker = make_breaker()
    with breaker:
        clock.advance(10)
        with breaker:
            clock.advance(1)
        assert breaker.snapshot().latency.max == 1


def test_a_block_ends_its_own_call_in_whatever_order_blocks_end(
    make_breaker: MakeBreaker, clock: ManualClock
) -> None:
    one, other = make_breaker("one"), make_breaker("other")
    Context().run(other.__enter__)  # by another task, long ago
    clock.advance(20)
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    clock.advance(1)
    other.__exit__(None, None, None)
    assert other.snapshot().latency.max == 1


def test_a_block_whose_call_another_has_ended_ends_the_other_call(
    make_breaker: MakeBreaker,
) -> None:
    breaker = make_breaker()
    here, there = Context(), Context()
    here.run(breaker.__enter__)
    there.run(breaker.__enter__)
    Context().run(breaker.__exit__, None, None, None)  # a generator that began in `there`
    here.run(breaker.__exit__, None, None, None)
    assert breaker.snapshot().in_flight == 0
