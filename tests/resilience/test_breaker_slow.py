"""Slow calls: those that returned late, and those that have not returned yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from blinker import Signal

from medianest.resilience import (
    Bulkhead,
    BulkheadFullError,
    CircuitBreaker,
    CircuitOpenError,
    ManualClock,
    State,
)
from medianest.resilience.events import would_have_opened
from tests.resilience.conftest import Fail, MakeBreaker

SLOW = 2.0


@pytest.fixture
def breaker(make_breaker: MakeBreaker) -> CircuitBreaker:
    return make_breaker(
        failure_threshold=3, slow_call_duration_threshold=SLOW, slow_call_rate_threshold=0.8
    )


def slowly(
    breaker: CircuitBreaker, clock: ManualClock, times: int = 1, seconds: float = SLOW
) -> None:
    for _ in range(times):
        breaker.call(clock.advance, seconds)


def test_without_a_slow_threshold_no_call_is_slow(
    make_breaker: MakeBreaker, clock: ManualClock
) -> None:
    breaker = make_breaker()
    slowly(breaker, clock, 20, 100)
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().totals.slow == 0


def test_enough_slow_calls_open_it_though_all_succeeded(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    slowly(breaker, clock, 2)
    assert breaker.state is State.CLOSED
    slowly(breaker, clock)
    assert breaker.state is State.OPEN
    assert breaker.snapshot().reason == "3 of 3 calls were slow"


def test_a_call_of_just_the_threshold_is_slow_and_a_shorter_one_is_not(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    slowly(breaker, clock, 1, SLOW)
    slowly(breaker, clock, 1, SLOW - 0.01)
    counts = breaker.snapshot().counts
    assert (counts.slow, counts.successes) == (1, 2)
    assert breaker.snapshot().slow_call_rate == 0.5


def test_slow_calls_must_also_be_the_share_of_all_calls(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    for _ in range(2):
        breaker.call(int)
    slowly(breaker, clock, 3)
    assert breaker.state is State.CLOSED  # 3 of 5
    slowly(breaker, clock, 5)
    assert breaker.state is State.OPEN  # 8 of 10


def test_slow_failures_are_slow_and_failures(breaker: CircuitBreaker, clock: ManualClock) -> None:
    def broken() -> NoReturn:
        clock.advance(SLOW)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        breaker.call(broken)
    counts = breaker.snapshot().counts
    assert (counts.slow, counts.failures) == (1, 1)


def test_calls_that_hang_open_it_before_they_return(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    hanging = [breaker.acquire() for _ in range(3)]
    clock.advance(SLOW)
    assert breaker.state is State.OPEN
    assert breaker.snapshot().reason == "3 of 3 calls were slow"
    assert len(hanging) == breaker.snapshot().in_flight


def test_the_next_call_notices_that_others_hang_and_is_refused(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    for _ in range(3):
        breaker.acquire()
    clock.advance(SLOW)
    with pytest.raises(CircuitOpenError):
        breaker.call(int)


def test_calls_that_hang_for_less_than_the_threshold_do_not_count(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    for _ in range(3):
        breaker.acquire()
    clock.advance(SLOW - 0.01)
    assert breaker.state is State.CLOSED


def test_a_nested_call_sees_the_calls_around_it_hang(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    def outer(depth: int) -> None:
        if depth:
            breaker.call(outer, depth - 1)
        else:
            clock.advance(SLOW)
            assert breaker.state is State.OPEN

    breaker.call(outer, 2)


def test_a_call_counted_while_it_hung_is_counted_once_when_it_returns(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    permits = [breaker.acquire() for _ in range(2)]
    clock.advance(SLOW)
    assert breaker.state is State.CLOSED
    for permit in permits:
        permit.success()
    snapshot = breaker.snapshot()
    assert (snapshot.counts.slow, snapshot.state) == (2, State.CLOSED)


def test_calls_from_before_an_operator_closed_it_do_not_open_it_again(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    for _ in range(3):
        breaker.acquire()
    clock.advance(SLOW / 2)
    breaker.close()
    clock.advance(SLOW)
    assert breaker.state is State.CLOSED


def test_slow_unexpected_errors_do_not_open_it(
    make_breaker: MakeBreaker, clock: ManualClock
) -> None:
    breaker = make_breaker(
        failure_threshold=3, slow_call_duration_threshold=SLOW, expected_errors=ConnectionError
    )

    def broken() -> NoReturn:
        clock.advance(SLOW)
        raise KeyError

    breaker.call(int)
    for _ in range(10):
        with pytest.raises(KeyError):
            breaker.call(broken)
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().counts.slow == 0


def test_waiting_in_vain_for_a_place_in_a_bulkhead_is_no_slow_call(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    # The wait is ours; the dependency was never asked.
    def refused() -> NoReturn:
        clock.advance(SLOW)
        raise BulkheadFullError("plex", 1.0)

    breaker.call(int)
    for _ in range(10):
        with pytest.raises(BulkheadFullError):
            breaker.call(refused)
    assert breaker.state is State.CLOSED


def test_a_bulkhead_that_is_full_does_not_open_the_breaker_around_it(
    breaker: CircuitBreaker,
) -> None:
    bulkhead = Bulkhead("plex", max_concurrent=1)

    def nested() -> None:
        with pytest.raises(BulkheadFullError):
            breaker.call(bulkhead.call, int)

    bulkhead.call(lambda: [nested() for _ in range(10)])
    assert breaker.snapshot().counts.ignored == 10
    assert breaker.state is State.CLOSED


def test_a_disabled_breaker_announces_that_calls_hang(
    breaker: CircuitBreaker, clock: ManualClock, heard: Callable[[Signal], list[Any]]
) -> None:
    announced = heard(would_have_opened)
    breaker.disable()
    for _ in range(3):
        breaker.acquire()
    clock.advance(SLOW)
    assert breaker.call(int) == 0
    assert [event.reason for event in announced] == ["3 of 3 calls were slow"]


def test_a_disabled_breaker_announces_one_fault_once_whatever_else_happens(
    breaker: CircuitBreaker, clock: ManualClock, heard: Callable[[Signal], list[Any]], fail: Fail
) -> None:
    announced = heard(would_have_opened)
    breaker.disable()
    for _ in range(10):
        breaker.acquire()
    clock.advance(SLOW)
    for _ in range(5):
        clock.advance(0.1)
        breaker.call(int) if breaker.snapshot().counts.failures else fail(breaker)
    assert len(announced) == 1


def test_in_a_row_slow_calls_open_it_and_a_quick_one_ends_their_row(
    make_breaker: MakeBreaker, clock: ManualClock
) -> None:
    breaker = make_breaker(
        failure_threshold=3, slow_call_duration_threshold=SLOW, counting="consecutive"
    )
    for _ in range(3):
        slowly(breaker, clock, 2)
        breaker.call(int)
    assert breaker.state is State.CLOSED
    slowly(breaker, clock, 3)
    assert breaker.state is State.OPEN
    assert breaker.snapshot().reason == "3 slow calls in a row"


def test_in_a_row_calls_that_hang_since_the_last_quick_one_open_it(
    make_breaker: MakeBreaker, clock: ManualClock
) -> None:
    breaker = make_breaker(
        failure_threshold=2, slow_call_duration_threshold=SLOW, counting="consecutive"
    )
    breaker.acquire()
    clock.advance(1)
    breaker.call(int)
    breaker.acquire()
    clock.advance(SLOW)
    assert breaker.state is State.CLOSED
    breaker.acquire()
    clock.advance(SLOW)
    assert breaker.state is State.OPEN


def test_a_probe_that_is_slow_has_failed_before_it_returns(
    make_breaker: MakeBreaker, half_open: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(slow_call_duration_threshold=SLOW, half_open_timeout=30)
    half_open(breaker)
    breaker.acquire()
    clock.advance(SLOW)
    assert breaker.state is State.OPEN
    assert breaker.snapshot().reason == "a probe was slow"
