"""Admission in two phases: permits, and whom their results are credited to."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor

import pytest

from medianest.resilience import CircuitBreaker, CircuitOpenError, ManualClock, Permit, State
from tests.resilience.conftest import Fail, MakeBreaker
from tests.support.narrowing import not_none


def figures(breaker: CircuitBreaker) -> tuple[int, int, int]:
    snapshot = breaker.snapshot()
    return (snapshot.counts.successes, snapshot.counts.failures, snapshot.in_flight)


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


def test_a_block_that_ends_well_is_a_success(make_breaker: MakeBreaker) -> None:
    breaker = make_breaker()
    with breaker.acquire():
        pass
    assert figures(breaker) == (1, 0, 0)


def test_a_block_that_raises_is_a_failure_and_the_error_passes(make_breaker: MakeBreaker) -> None:
    breaker = make_breaker()
    with pytest.raises(ConnectionError), breaker.acquire():
        raise ConnectionError
    assert figures(breaker) == (0, 1, 0)


def test_a_block_that_is_interrupted_counts_for_nothing(
    make_breaker: MakeBreaker, half_open: Fail
) -> None:
    breaker = make_breaker(half_open_max_calls=1)
    half_open(breaker)
    with pytest.raises(KeyboardInterrupt), breaker.acquire():
        raise KeyboardInterrupt
    assert breaker.state is State.HALF_OPEN
    assert figures(breaker) == (0, 0, 0)
    breaker.acquire().success()
    assert breaker.state is State.CLOSED


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


def test_a_block_of_a_breaker_is_one_call(make_breaker: MakeBreaker) -> None:
    breaker = make_breaker(failure_threshold=1)
    with breaker:
        assert breaker.snapshot().in_flight == 1
    assert breaker.snapshot().totals.successes == 1
    with pytest.raises(ConnectionError), breaker:
        raise ConnectionError
    assert breaker.state is State.OPEN
    with pytest.raises(CircuitOpenError), breaker:
        pytest.fail("an open breaker admits no block")
    assert breaker.snapshot().in_flight == 0


def test_blocks_of_breakers_may_be_nested(make_breaker: MakeBreaker) -> None:
    outer, inner = make_breaker("outer"), make_breaker("inner")
    with outer, inner, pytest.raises(ConnectionError), outer:
        raise ConnectionError
    totals = outer.snapshot().totals
    assert (totals.successes, totals.failures) == (1, 1)
    assert inner.snapshot().totals.successes == 1


def test_blocks_of_many_threads_do_not_get_into_each_others_way(make_breaker: MakeBreaker) -> None:
    breaker, gate = make_breaker(failure_threshold=99), threading.Barrier(8)

    def block(number: int) -> None:
        try:
            with breaker:
                gate.wait(10)
                if number % 2:
                    raise ConnectionError
        except ConnectionError:
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(block, range(8)))
    totals = breaker.snapshot().totals
    assert (totals.successes, totals.failures) == (4, 4)


def test_the_blocks_of_two_generators_end_in_any_order(make_breaker: MakeBreaker) -> None:
    one, other = make_breaker("one"), make_breaker("other")

    def within(breaker: CircuitBreaker) -> Generator[None, None, None]:
        with breaker:
            yield

    first, second = within(one), within(other)
    next(first), next(second)
    first.close(), second.close()
    for breaker in (one, other):
        assert breaker.snapshot().in_flight == 0


def test_a_block_that_ends_in_another_thread_is_a_call_all_the_same(
    make_breaker: MakeBreaker,
) -> None:
    """Keeps out: a generator that a thread pool goes on with, as FastAPI does with dependencies;
    its failures counted for nothing, and its places were never given back."""
    breaker = make_breaker(failure_threshold=3)

    def within() -> Generator[None, None, None]:
        with breaker:
            yield

    with ThreadPoolExecutor(1) as pool:
        for _ in range(3):
            block = within()
            next(block)
            with pytest.raises(ConnectionError):
                pool.submit(block.throw, ConnectionError()).result(10)
    assert breaker.state is State.OPEN
    assert breaker.snapshot().in_flight == 0


def test_blocks_that_end_elsewhere_are_forgotten_where_they_began(
    make_breaker: MakeBreaker,
) -> None:
    breaker = make_breaker()

    def begin() -> Generator[None, None, None]:
        with breaker:
            yield

    def known() -> int:
        """The permits that are left after ten such blocks."""
        with ThreadPoolExecutor(1) as pool:
            for _ in range(10):
                block = begin()
                next(block)
                pool.submit(block.close).result(10)
        with breaker:
            gc.collect()
            return sum(isinstance(each, Permit) for each in gc.get_objects())

    before = known()
    assert known() == before
