"""Recovery: the wait, the probes, and what they decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest

from medianest.resilience import (
    CircuitBreaker,
    CircuitOpenError,
    DeferredSettlement,
    ManualClock,
    State,
)
from tests.resilience.conftest import Fail, MakeBreaker
from tests.support.narrowing import not_none


def waits(
    breaker: CircuitBreaker,
    openings: int,
    fail: Callable[..., None],
    trip: Callable[[CircuitBreaker], None],
    clock: ManualClock,
) -> list[float]:
    """The waits of so many openings in a row."""
    trip(breaker)
    found = []
    for _ in range(openings):
        wait = not_none(breaker.snapshot().retry_after)
        found.append(wait)
        clock.advance(wait)
        fail(breaker)
    return found


def test_probes_are_admitted_after_the_wait_and_not_before(
    make_breaker: MakeBreaker, trip: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(reset_timeout=30)
    trip(breaker)
    clock.advance(29.9)
    with pytest.raises(CircuitOpenError):
        breaker.call(int)
    clock.advance(0.2)
    assert breaker.call(int) == 0
    assert breaker.state is State.HALF_OPEN


def test_that_many_good_probes_close_it(make_breaker: MakeBreaker, half_open: Fail) -> None:
    breaker = make_breaker(half_open_max_calls=3)
    half_open(breaker)
    for expected in (State.HALF_OPEN, State.HALF_OPEN, State.CLOSED):
        breaker.call(int)
        assert breaker.state is expected


def test_a_probe_that_goes_on_after_it_returned_is_the_only_one(
    make_breaker: MakeBreaker, half_open: Fail
) -> None:
    """Keeps out: a thread with a streamed answer, all of whose other calls were let through."""
    breaker = make_breaker(half_open_max_calls=1)
    half_open(breaker)

    def stream() -> NoReturn:
        raise DeferredSettlement("chunks")

    with pytest.raises(DeferredSettlement) as probe:
        breaker.call(stream)
    with pytest.raises(CircuitOpenError):
        breaker.call(int)
    probe.value.success()
    assert breaker.state is State.CLOSED


def test_one_failed_probe_opens_it_again(
    make_breaker: MakeBreaker, half_open: Fail, fail: Fail
) -> None:
    breaker = make_breaker(half_open_max_calls=3)
    half_open(breaker)
    breaker.call(int)
    fail(breaker)
    assert breaker.state is State.OPEN


def test_a_breaker_that_closed_has_forgotten_the_old_failures(
    make_breaker: MakeBreaker, half_open: Fail, fail: Fail
) -> None:
    breaker = make_breaker(failure_threshold=5, half_open_max_calls=1, monitoring_period=600)
    half_open(breaker)
    breaker.call(int)
    fail(breaker, 4)
    assert breaker.state is State.CLOSED


def test_a_slow_probe_opens_it_again(
    make_breaker: MakeBreaker, half_open: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(slow_call_duration_threshold=2)
    half_open(breaker)
    breaker.call(clock.advance, 2)
    assert breaker.state is State.OPEN
    assert breaker.snapshot().reason == "a probe was slow"


@pytest.mark.parametrize("kind", ["expected_errors", "ignored_errors"])
def test_a_probe_that_says_nothing_neither_opens_nor_closes_and_frees_its_place(
    make_breaker: MakeBreaker, half_open: Fail, fail: Fail, kind: str
) -> None:
    only = {kind: ConnectionError if kind == "expected_errors" else ValueError}
    breaker = make_breaker(half_open_max_calls=1, **only)
    half_open(breaker)
    fail(breaker, 5, ValueError)
    assert breaker.state is State.HALF_OPEN
    breaker.call(int)
    assert breaker.state is State.CLOSED


def test_no_more_probes_are_out_than_allowed(make_breaker: MakeBreaker, half_open: Fail) -> None:
    breaker = make_breaker(half_open_max_calls=2)
    half_open(breaker)
    first, _second = breaker.acquire(), breaker.acquire()
    with pytest.raises(CircuitOpenError) as caught:
        breaker.acquire()
    assert caught.value.retry_after == 1.0
    first.release()
    breaker.acquire()


def test_places_of_good_probes_are_not_given_away_again(
    make_breaker: MakeBreaker, half_open: Fail
) -> None:
    breaker = make_breaker(half_open_max_calls=2)
    half_open(breaker)
    breaker.acquire().success()
    breaker.acquire()
    with pytest.raises(CircuitOpenError):
        breaker.acquire()


def test_the_wait_told_in_half_open_is_no_longer_than_a_lease(
    make_breaker: MakeBreaker, half_open: Fail
) -> None:
    breaker = make_breaker(half_open_max_calls=1, half_open_timeout=0.25)
    half_open(breaker)
    breaker.acquire()
    with pytest.raises(CircuitOpenError) as caught:
        breaker.call(int)
    assert caught.value.retry_after == 0.25


def test_a_probe_that_never_comes_back_counts_as_failed(
    make_breaker: MakeBreaker, half_open: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(half_open_timeout=30, backoff_factor=2, reset_timeout=10)
    half_open(breaker)
    breaker.acquire()
    clock.advance(29.9)
    assert breaker.state is State.HALF_OPEN
    clock.advance(0.1)
    assert breaker.state is State.OPEN
    snapshot = breaker.snapshot()
    assert snapshot.reason == "a probe never came back"
    assert snapshot.openings_in_a_row == 2
    assert snapshot.retry_after == pytest.approx(20)


def test_an_expired_lease_opens_it_at_the_time_it_expired(
    make_breaker: MakeBreaker, half_open: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(half_open_timeout=30, reset_timeout=10, backoff_factor=1)
    half_open(breaker)
    breaker.acquire()
    clock.advance(39)
    assert breaker.snapshot().retry_after == pytest.approx(1)
    clock.advance(1)
    assert breaker.call(int) == 0


def test_each_further_opening_in_a_row_waits_longer_up_to_the_cap(
    make_breaker: MakeBreaker, fail: Fail, trip: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(reset_timeout=30, backoff_factor=2, max_reset_timeout=300)
    found = waits(breaker, 7, fail, trip, clock)
    assert found == pytest.approx([30, 60, 120, 240, 300, 300, 300])


@pytest.mark.parametrize(("drawn", "share"), [(0.0, 0.8), (0.25, 0.9), (1.0, 1.2)])
def test_the_wait_is_capped_before_jitter_so_that_the_cap_is_jittered_too(
    make_breaker: MakeBreaker,
    fail: Fail,
    trip: Fail,
    clock: ManualClock,
    drawn: float,
    share: float,
) -> None:
    breaker = make_breaker(
        reset_timeout=30, max_reset_timeout=100, jitter=0.2, random=lambda: drawn
    )
    found = waits(breaker, 5, fail, trip, clock)
    assert found == pytest.approx([share * wait for wait in (30, 60, 100, 100, 100)])


def test_without_jitter_the_wait_is_exact(make_breaker: MakeBreaker, trip: Fail) -> None:
    breaker = make_breaker(jitter=0, random=lambda: 0.99)
    trip(breaker)
    assert breaker.snapshot().retry_after == 30


def test_thousands_of_openings_do_not_overflow_the_wait(
    make_breaker: MakeBreaker, fail: Fail, trip: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(backoff_factor=10, max_reset_timeout=300)
    assert waits(breaker, 400, fail, trip, clock)[-1] == pytest.approx(300)


def test_staying_closed_for_one_period_forgets_the_openings(
    make_breaker: MakeBreaker, half_open: Fail, trip: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(monitoring_period=60, half_open_max_calls=1)
    half_open(breaker)
    breaker.call(int)
    clock.advance(60)
    trip(breaker)
    assert breaker.snapshot().openings_in_a_row == 1
    assert breaker.snapshot().retry_after == 30


def test_failing_again_sooner_than_one_period_remembers_them(
    make_breaker: MakeBreaker, half_open: Fail, trip: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(monitoring_period=60, half_open_max_calls=1)
    half_open(breaker)
    breaker.call(int)
    clock.advance(59)
    trip(breaker)
    assert breaker.snapshot().openings_in_a_row == 2
    assert breaker.snapshot().retry_after == 60


def test_the_snapshot_forgets_the_openings_at_the_same_time(
    make_breaker: MakeBreaker, half_open: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(monitoring_period=60, half_open_max_calls=1)
    half_open(breaker)
    breaker.call(int)
    clock.advance(59)
    assert breaker.snapshot().openings_in_a_row == 1
    clock.advance(1)
    assert breaker.snapshot().openings_in_a_row == 0


def test_each_transition_is_a_new_generation(make_breaker: MakeBreaker, half_open: Fail) -> None:
    breaker = make_breaker(half_open_max_calls=1)
    assert breaker.snapshot().generation == 1
    half_open(breaker)
    assert breaker.snapshot().generation == 2
    breaker.call(int)
    assert breaker.snapshot().generation == 4


def test_the_result_of_a_probe_is_counted_for_one_period_from_its_end(
    make_breaker: MakeBreaker, half_open: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(monitoring_period=60, half_open_max_calls=2, half_open_timeout=600)
    half_open(breaker)
    probe = breaker.acquire()
    clock.advance(100)
    probe.success()
    clock.advance(59)
    assert breaker.snapshot().counts.successes == 1
    clock.advance(1)
    assert breaker.snapshot().counts.successes == 0
