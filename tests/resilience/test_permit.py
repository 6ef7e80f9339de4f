"""Admission in two phases: permits, and whom their results are credited to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from medianest.resilience import CircuitOpenError, ManualClock, State
from tests.resilience.conftest import Fail, MakeBreaker
from tests.resilience.counting import figures
from tests.support.narrowing import not_none


def test_a_permit_counts_nothing_until_it_is_settled(make_breaker: MakeBreaker) -> None:
    breaker = make_breaker()
    permit = breaker.acquire()
    assert figures(breaker) == (0, 0, 1)
    permit.success()
    assert figures(breaker) == (1, 0, 0)


def test_a_failed_permit_counts_like_a_failed_call(make_breaker: MakeBreaker) -> None:
    breaker = make_breaker(failure_threshold=1)
    breaker.acquire().failure(ConnectionError("down"))
    assert breaker.state is State.OPEN
    assert not_none(breaker.snapshot().last_failure).message == "down"


def test_a_released_permit_counts_for_nothing(make_breaker: MakeBreaker) -> None:
    breaker = make_breaker()
    breaker.acquire().release()
    assert figures(breaker) == (0, 0, 0)
    assert breaker.snapshot().totals.successes == 0


@pytest.mark.parametrize("option", ["expected_errors", "ignored_errors"])
def test_the_error_of_a_permit_is_classified_like_that_of_a_call(
    make_breaker: MakeBreaker, option: str
) -> None:
    breaker = make_breaker(
        failure_threshold=1,
        **{option: ConnectionError if option == "expected_errors" else ValueError},
    )
    breaker.acquire().failure(ValueError())
    assert breaker.state is State.CLOSED
    breaker.acquire().failure(ConnectionError())
    assert breaker.state is State.OPEN


@pytest.mark.parametrize("first", ["success", "failure", "release"])
@pytest.mark.parametrize("second", ["success", "failure", "release"])
def test_settling_twice_is_harmless_and_the_first_counts(
    make_breaker: MakeBreaker, first: str, second: str
) -> None:
    breaker = make_breaker()
    other, permit = breaker.acquire(), breaker.acquire()
    for settle in (first, second):
        getattr(permit, settle)(*([ConnectionError()] if settle == "failure" else []))
    assert figures(breaker) == (first == "success", first == "failure", 1)
    other.release()
    assert figures(breaker)[2] == 0


def test_settling_a_probe_twice_does_not_free_two_places(
    make_breaker: MakeBreaker, half_open: Fail
) -> None:
    breaker = make_breaker(half_open_max_calls=2)
    half_open(breaker)
    first, _second = breaker.acquire(), breaker.acquire()
    first.release()
    first.release()
    breaker.acquire()
    with pytest.raises(CircuitOpenError):
        breaker.acquire()


def test_an_open_breaker_gives_no_permit(make_breaker: MakeBreaker, trip: Fail) -> None:
    breaker = make_breaker()
    trip(breaker)
    with pytest.raises(CircuitOpenError) as caught:
        breaker.acquire()
    assert caught.value.retry_after == 30
    assert breaker.snapshot().counts.rejected == 1


def test_an_unsettled_permit_expires(make_breaker: MakeBreaker, clock: ManualClock) -> None:
    breaker = make_breaker(half_open_timeout=30)
    breaker.acquire()
    clock.advance(29.9)
    assert breaker.snapshot().in_flight == 1
    clock.advance(0.1)
    assert breaker.snapshot().in_flight == 0


@pytest.mark.parametrize("state", [State.OPEN, State.FORCED_OPEN, State.DISABLED])
def test_an_unsettled_permit_expires_in_every_state(
    make_breaker: MakeBreaker, trip: Fail, clock: ManualClock, state: State
) -> None:
    breaker = make_breaker(half_open_timeout=30, reset_timeout=300)
    breaker.acquire()
    {State.OPEN: lambda: trip(breaker), State.FORCED_OPEN: breaker.open}.get(
        state, breaker.disable
    )()
    clock.advance(30)
    assert breaker.state is state
    assert breaker.snapshot().in_flight == 0


def test_an_unsettled_probe_expires_from_what_is_in_flight(
    make_breaker: MakeBreaker, half_open: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(half_open_timeout=30)
    half_open(breaker)
    breaker.acquire()
    clock.advance(30)
    assert breaker.state is State.OPEN
    assert breaker.snapshot().in_flight == 0


def test_a_success_from_before_the_opening_closes_nothing(
    make_breaker: MakeBreaker, half_open: Fail
) -> None:
    breaker = make_breaker(half_open_max_calls=1)
    early = breaker.acquire()
    half_open(breaker)
    probe = breaker.acquire()
    early.success()
    assert breaker.state is State.HALF_OPEN
    probe.success()
    assert breaker.state is State.CLOSED


def test_a_failure_from_before_the_opening_decides_no_probe(
    make_breaker: MakeBreaker, half_open: Fail
) -> None:
    breaker = make_breaker(half_open_max_calls=1)
    early = breaker.acquire()
    half_open(breaker)
    probe = breaker.acquire()
    early.failure(ConnectionError())
    assert breaker.state is State.HALF_OPEN
    probe.success()
    assert breaker.state is State.CLOSED


def test_a_failed_probe_of_the_last_round_does_not_end_this_one(
    make_breaker: MakeBreaker, half_open: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(half_open_max_calls=2, half_open_timeout=1_000)
    half_open(breaker)
    late, failing = breaker.acquire(), breaker.acquire()
    failing.failure(ConnectionError())
    clock.advance(not_none(breaker.snapshot().retry_after))
    probe = breaker.acquire()
    late.failure(ConnectionError())
    assert breaker.state is State.HALF_OPEN
    probe.success()
    breaker.call(int)
    assert breaker.state is State.CLOSED


def test_failures_from_before_an_operator_closed_it_do_not_count_after(
    make_breaker: MakeBreaker,
) -> None:
    breaker = make_breaker(failure_threshold=2)
    early = [breaker.acquire() for _ in range(5)]
    breaker.close()
    for permit in early:
        permit.failure(ConnectionError())
    assert breaker.state is State.CLOSED
    assert figures(breaker) == (0, 0, 0)


@pytest.mark.parametrize("settle", ["release", "interrupt", "success", "failure"])
def test_a_probe_that_comes_back_after_its_lease_has_failed(
    make_breaker: MakeBreaker, half_open: Fail, clock: ManualClock, settle: str
) -> None:
    breaker = make_breaker(half_open_timeout=30)
    half_open(breaker)
    probe = breaker.acquire()
    clock.advance(30)  # and nobody looks
    settling: dict[str, Callable[[], None]] = {
        "release": probe.release,
        "interrupt": lambda: probe.failure(KeyboardInterrupt()),
        "success": probe.success,
        "failure": lambda: probe.failure(ConnectionError()),
    }
    settling[settle]()
    assert breaker.state is State.OPEN
    assert breaker.snapshot().reason == "a probe never came back"
