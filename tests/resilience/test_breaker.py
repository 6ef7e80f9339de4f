"""A closed and an open breaker: what it counts, when it opens, whom it refuses."""

from __future__ import annotations

from typing import NoReturn

import pytest

from medianest.resilience import (
    CircuitBreaker,
    CircuitOpenError,
    ConfigurationError,
    ManualClock,
    State,
)
from tests.resilience.conftest import Fail, MakeBreaker

QUICK = 0.01


def test_a_new_breaker_is_closed_and_passes_arguments_and_result(make_breaker: MakeBreaker) -> None:
    breaker = make_breaker()
    assert breaker.state is State.CLOSED
    assert breaker.call(lambda *a, **k: (a, k), 1, two=2) == ((1,), {"two": 2})


def test_the_error_of_the_call_reaches_the_caller_unchanged(make_breaker: MakeBreaker) -> None:
    error = ValueError("its own")

    def broken() -> None:
        raise error

    with pytest.raises(ValueError, match="its own") as caught:
        make_breaker().call(broken)
    assert caught.value is error
    assert (error.__cause__, error.__context__) == (None, None)


def test_it_opens_at_the_threshold_and_not_before(make_breaker: MakeBreaker, fail: Fail) -> None:
    breaker = make_breaker(failure_threshold=3)
    fail(breaker, 2)
    assert breaker.state is State.CLOSED
    fail(breaker)
    assert breaker.state is State.OPEN


def test_an_open_breaker_makes_no_call(make_breaker: MakeBreaker, trip: Fail) -> None:
    breaker, calls = make_breaker(), []
    trip(breaker)
    for attempt in (breaker.call, lambda f: breaker(f)()):
        with pytest.raises(CircuitOpenError) as caught:
            attempt(lambda: calls.append(1))
        assert (caught.value.name, caught.value.retry_after) == ("plex", 30.0)
    assert calls == []


def test_failures_must_also_be_the_share_of_all_calls(
    make_breaker: MakeBreaker, fail: Fail
) -> None:
    breaker = make_breaker(failure_threshold=3, failure_rate_threshold=0.5)
    for _ in range(4):
        breaker.call(int)
    fail(breaker, 3)
    assert breaker.state is State.CLOSED  # 3 of 7
    fail(breaker)
    assert breaker.state is State.OPEN  # 4 of 8


def test_no_rate_is_judged_over_fewer_calls_than_the_minimum(
    make_breaker: MakeBreaker, fail: Fail
) -> None:
    breaker = make_breaker(failure_threshold=2, minimum_number_of_calls=4)
    fail(breaker, 3)
    assert breaker.state is State.CLOSED
    fail(breaker)
    assert breaker.state is State.OPEN


def test_failures_older_than_the_monitoring_period_do_not_count(
    make_breaker: MakeBreaker, fail: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(failure_threshold=3, monitoring_period=60)
    fail(breaker, 2)
    clock.advance(61)
    fail(breaker, 2)
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().counts.failures == 2
    assert breaker.snapshot().totals.failures == 4


def test_failures_just_within_the_monitoring_period_do_count(
    make_breaker: MakeBreaker, fail: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(failure_threshold=3, monitoring_period=60)
    fail(breaker, 2)
    clock.advance(59)
    fail(breaker)
    assert breaker.state is State.OPEN


def test_successes_older_than_the_monitoring_period_do_not_dilute(
    make_breaker: MakeBreaker, fail: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(failure_threshold=3)
    for _ in range(100):
        breaker.call(int)
    clock.advance(61)
    fail(breaker, 3)
    assert breaker.state is State.OPEN


def test_counting_in_a_row_opens_however_many_calls_were_good_before(
    make_breaker: MakeBreaker, fail: Fail
) -> None:
    breaker = make_breaker(failure_threshold=3, counting="consecutive")
    for _ in range(100):
        breaker.call(int)
    fail(breaker, 3)
    assert breaker.state is State.OPEN


def test_counting_in_a_row_begins_anew_with_each_success(
    make_breaker: MakeBreaker, fail: Fail
) -> None:
    breaker = make_breaker(failure_threshold=3, counting="consecutive")
    for _ in range(4):
        fail(breaker, 2)
        breaker.call(int)
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().consecutive_failures == 0


def test_counting_in_a_row_looks_past_the_monitoring_period(
    make_breaker: MakeBreaker, fail: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(failure_threshold=3, counting="consecutive", monitoring_period=60)
    for _ in range(3):
        fail(breaker)
        clock.advance(100)
    assert breaker.state is State.OPEN


def test_unexpected_errors_never_trip_and_never_dilute(
    make_breaker: MakeBreaker, fail: Fail
) -> None:
    breaker = make_breaker(failure_threshold=3, expected_errors=[ConnectionError])
    fail(breaker, 50, ValueError)
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().counts.unexpected == 50
    fail(breaker, 3)
    assert breaker.state is State.OPEN


@pytest.mark.parametrize("option", ["expected_errors", "ignored_errors"])
def test_an_error_between_two_failures_does_not_end_their_row(
    make_breaker: MakeBreaker, fail: Fail, option: str
) -> None:
    allowed = ConnectionError if option == "expected_errors" else ValueError
    breaker = make_breaker(failure_threshold=2, counting="consecutive", **{option: [allowed]})
    fail(breaker)
    fail(breaker, 1, ValueError)
    fail(breaker)
    assert breaker.state is State.OPEN


def test_ignored_errors_never_trip(make_breaker: MakeBreaker, fail: Fail) -> None:
    breaker = make_breaker(failure_threshold=3, ignored_errors=LookupError)
    fail(breaker, 50, KeyError)
    assert breaker.state is State.CLOSED
    assert (breaker.snapshot().counts.ignored, breaker.snapshot().counts.failures) == (50, 0)


def test_the_refusals_of_an_inner_breaker_do_not_trip_the_outer_one(
    make_breaker: MakeBreaker, trip: Fail
) -> None:
    inner, outer = make_breaker("inner"), make_breaker("outer", failure_threshold=1)
    trip(inner)
    with pytest.raises(CircuitOpenError):
        outer.call(inner.call, int)
    assert outer.state is State.CLOSED
    assert outer.snapshot().counts.ignored == 1


def test_an_error_whose_text_cannot_be_had_is_counted_like_any_other(
    make_breaker: MakeBreaker, fail: Fail
) -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    breaker = make_breaker(failure_threshold=1)
    fail(breaker, 1, MuteError)
    last = breaker.snapshot().last_failure
    assert last is not None
    assert (last.type.endswith("MuteError"), last.message.startswith("(no message")) == (True, True)


def test_the_text_of_the_last_failure_is_bounded(make_breaker: MakeBreaker, fail: Fail) -> None:
    breaker = make_breaker()
    fail(breaker, 1, lambda: ConnectionError("x" * 1_000_000))
    last = breaker.snapshot().last_failure
    assert last is not None
    assert len(last.message) == 300


def test_every_refusal_is_a_fresh_exception(make_breaker: MakeBreaker, trip: Fail) -> None:
    breaker = make_breaker()
    trip(breaker)
    refusals = []
    for _ in range(2):
        with pytest.raises(CircuitOpenError) as caught:
            breaker.call(int)
        refusals.append(caught.value)
    assert refusals[0] is not refusals[1]


def test_the_wait_told_by_a_refusal_becomes_shorter(
    make_breaker: MakeBreaker, trip: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(reset_timeout=30)
    trip(breaker)
    for left in (30, 20, 10):
        with pytest.raises(CircuitOpenError) as caught:
            breaker.call(int)
        assert caught.value.retry_after == left
        clock.advance(10)
    assert breaker.call(int) == 0


def test_an_open_breaker_stays_open_until_a_call_comes(
    make_breaker: MakeBreaker, trip: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker()
    trip(breaker)
    clock.advance(1_000)
    assert breaker.state is State.OPEN
    breaker.call(int)
    assert breaker.state is State.HALF_OPEN


def test_a_decorated_function_keeps_its_name_and_is_protected(make_breaker: MakeBreaker) -> None:
    breaker = make_breaker(failure_threshold=1)

    @breaker
    def libraries(section: str) -> str:
        """Lists them."""
        raise ConnectionError(section)

    assert (libraries.__name__, libraries.__doc__) == ("libraries", "Lists them.")
    with pytest.raises(ConnectionError, match="movies"):
        libraries("movies")
    with pytest.raises(CircuitOpenError):
        libraries("movies")


def test_its_text_tells_name_and_state(make_breaker: MakeBreaker) -> None:
    assert repr(make_breaker()) == "<CircuitBreaker 'plex' closed>"


def test_a_clock_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="clock must be"):
        CircuitBreaker("plex", clock=5)  # type: ignore[arg-type]


def test_successes_between_two_looks_are_all_counted(
    make_breaker: MakeBreaker, clock: ManualClock
) -> None:
    breaker = make_breaker()
    for _ in range(1_000):
        breaker.call(clock.advance, QUICK)  # ten seconds in all
    counts = breaker.snapshot().counts
    assert (counts.successes, counts.failures) == (1_000, 0)


def test_a_predicate_that_raises_counts_as_failure_and_hides_no_error(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(error: BaseException) -> NoReturn:
        raise LookupError("in the predicate")

    breaker = CircuitBreaker("plex", expected_errors=broken, clock=clock)

    def fail() -> NoReturn:
        raise OSError("the call's own")

    with pytest.raises(OSError, match="the call's own"):
        breaker.call(fail)
    assert breaker.snapshot().counts.failures == 1
    assert "failed" in caplog.text
