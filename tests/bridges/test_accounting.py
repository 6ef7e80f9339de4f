"""The bridge: what it counts, where the `circuitbreaker` package counts what came too late."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn
from unittest import mock

import pytest

from medianest.bridges import circuitbreaker
from medianest.bridges.circuitbreaker import (
    STATE_HALF_OPEN,
    CircuitBreaker,
    CircuitBreakerError,
)
from medianest.resilience import ManualClock
from tests.bridges.circuits import WAIT, DownError, fail, half_open, trip


def test_a_success_that_began_before_the_circuit_opened_does_not_close_it(
    breaker: circuitbreaker.CircuitBreaker,
) -> None:
    def opened_meanwhile() -> None:
        trip(breaker)

    breaker.call(opened_meanwhile)
    assert breaker.opened
    assert breaker.failure_count == 2
    assert isinstance(breaker.last_failure, DownError)


def test_a_failure_that_began_before_the_circuit_opened_does_not_prolong_it(
    breaker: circuitbreaker.CircuitBreaker, clock: ManualClock
) -> None:
    def opened_meanwhile() -> NoReturn:
        trip(breaker)
        clock.advance(WAIT - 5)
        raise LookupError

    with pytest.raises(LookupError):
        breaker.call(opened_meanwhile)
    assert breaker.open_remaining == 5
    assert breaker.failure_count == 2
    assert isinstance(breaker.last_failure, DownError)


def test_a_late_success_does_not_decide_recovery(
    breaker: circuitbreaker.CircuitBreaker, clock: ManualClock
) -> None:
    def half_open_meanwhile() -> None:
        half_open(breaker, clock)

    breaker.call(half_open_meanwhile)
    assert breaker.state == STATE_HALF_OPEN


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, GeneratorExit, asyncio.CancelledError])
def test_an_interrupt_counts_for_nothing(
    breaker: circuitbreaker.CircuitBreaker,
    clock: ManualClock,
    interrupt: type[asyncio.exceptions.CancelledError]
    | type[GeneratorExit]
    | type[KeyboardInterrupt],
) -> None:
    """The original takes it for a success and closes."""

    def interrupted() -> NoReturn:
        raise interrupt

    with pytest.raises(DownError):
        breaker.call(fail)
    with pytest.raises(interrupt):
        breaker.call(interrupted)
    assert breaker.failure_count == 1
    half_open(breaker, clock)
    with pytest.raises(interrupt):
        breaker.call(interrupted)
    assert breaker.state == STATE_HALF_OPEN
    breaker.call(lambda: "the probe's place is free again")
    assert breaker.closed


async def test_a_cancelled_coroutine_gives_its_place_back(
    breaker: circuitbreaker.CircuitBreaker, clock: ManualClock
) -> None:
    half_open(breaker, clock)
    started = asyncio.Event()

    @breaker
    async def hang() -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert breaker.state == STATE_HALF_OPEN
    assert breaker.call(lambda: "ok") == "ok"


def test_a_generator_that_is_dropped_half_way_gives_its_place_back(
    breaker: circuitbreaker.CircuitBreaker, clock: ManualClock
) -> None:
    half_open(breaker, clock)

    @breaker
    def stream() -> Iterator[int]:
        yield 1
        yield 2

    dropped = stream()
    assert next(dropped) == 1
    with pytest.raises(CircuitBreakerError):
        next(stream())
    del dropped
    assert breaker.state == STATE_HALF_OPEN
    assert list(stream()) == [1, 2]
    assert breaker.closed


async def test_an_async_generator_that_is_closed_half_way_gives_its_place_back(
    breaker: circuitbreaker.CircuitBreaker, clock: ManualClock
) -> None:
    half_open(breaker, clock)

    @breaker
    async def stream() -> AsyncGenerator[int, None]:
        yield 1
        yield 2

    dropped = stream()
    assert await anext(dropped) == 1
    await dropped.aclose()
    assert breaker.state == STATE_HALF_OPEN
    assert [element async for element in stream()] == [1, 2]
    assert breaker.closed


def test_a_generator_hands_on_what_is_sent_to_it_and_what_it_returns(
    breaker: circuitbreaker.CircuitBreaker,
) -> None:
    @breaker
    def echo() -> Generator[str, str, str]:
        received = yield "ready"
        return received

    talking = echo()
    assert next(talking) == "ready"
    with pytest.raises(StopIteration) as end:
        talking.send("heard")
    assert end.value.value == "heard"


def test_a_probe_that_hangs_does_not_block_recovery_for_ever(
    breaker: circuitbreaker.CircuitBreaker, clock: ManualClock
) -> None:
    half_open(breaker, clock)
    breaker.__enter__()
    clock.advance(60)
    assert breaker.opened
    clock.advance(WAIT)
    assert breaker.state == STATE_HALF_OPEN
    breaker.call(lambda: "ok")
    assert breaker.closed


def test_nested_blocks_settle_their_own_calls(breaker: circuitbreaker.CircuitBreaker) -> None:
    other = CircuitBreaker(1, WAIT, name="other")

    def nested() -> None:
        with breaker:
            with other:
                pass
            fail()

    with pytest.raises(DownError):
        nested()
    assert (breaker.failure_count, other.failure_count) == (1, 0)


def test_blocks_in_many_threads_settle_their_own_calls(
    breaker: circuitbreaker.CircuitBreaker,
) -> None:
    inside, leave = threading.Barrier(3), threading.Event()

    def succeed() -> None:
        with breaker:
            inside.wait(10)
            leave.wait(10)

    threads = [threading.Thread(target=succeed) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    trip(breaker)
    leave.set()
    for thread in threads:
        thread.join(10)
    assert breaker.opened


def test_a_predicate_that_fails_gives_the_place_back(clock: ManualClock) -> None:
    predicate = mock.Mock(return_value=True)
    breaker = CircuitBreaker(1, WAIT, expected_exception=predicate, name="plex")
    half_open(breaker, clock)
    predicate.side_effect = ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        breaker.call(fail)
    assert breaker.call(lambda: "ok") == "ok"


def test_a_block_that_ends_in_another_thread_counts(breaker: circuitbreaker.CircuitBreaker) -> None:
    def within() -> Generator[None, None, None]:
        with breaker:
            yield

    block = within()
    next(block)
    with ThreadPoolExecutor(1) as pool, pytest.raises(DownError):
        pool.submit(block.throw, DownError()).result(10)
    assert breaker.failure_count == 1
