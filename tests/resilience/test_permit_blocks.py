"""A block of a breaker is one call, wherever it begins and ends."""

from __future__ import annotations

import gc
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import pytest

from medianest.resilience import CircuitBreaker, CircuitOpenError, Permit, State
from tests.resilience.conftest import Fail, MakeBreaker
from tests.resilience.counting import figures


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
