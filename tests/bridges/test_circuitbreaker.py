"""The bridge: whom it admits, where the `circuitbreaker` package admits a herd."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from unittest import mock

import pytest

from medianest.bridges import circuitbreaker
from medianest.bridges.circuitbreaker import (
    STATE_HALF_OPEN,
    CircuitBreaker,
    CircuitBreakerError,
)
from medianest.resilience import CallRefusedError, ManualClock
from tests.bridges.circuits import WAIT, fail, half_open, trip


def test_of_fifty_callers_after_the_wait_one_gets_through(
    breaker: circuitbreaker.CircuitBreaker, clock: ManualClock
) -> None:
    """The original lets the whole herd through to a dependency that has barely recovered."""
    half_open(breaker, clock)
    reached, refused = [], []
    arrived, answered = threading.Barrier(50), threading.Event()

    @breaker
    def probe() -> None:
        reached.append(1)
        answered.wait(10)

    def caller() -> None:
        arrived.wait(10)
        try:
            probe()
        except CircuitBreakerError as error:
            refused.append(error)
        if len(refused) == 49:
            answered.set()

    threads = [threading.Thread(target=caller) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (len(reached), len(refused)) == (1, 49)
    assert breaker.closed


async def test_of_fifty_tasks_after_the_wait_one_gets_through(
    breaker: circuitbreaker.CircuitBreaker, clock: ManualClock
) -> None:
    half_open(breaker, clock)
    reached = []

    @breaker
    async def probe() -> str:
        reached.append(1)
        await asyncio.sleep(0)
        return "ok"

    answers = await asyncio.gather(*(probe() for _ in range(50)), return_exceptions=True)
    assert len(reached) == 1
    assert answers.count("ok") == 1
    assert sum(isinstance(answer, CircuitBreakerError) for answer in answers) == 49


def test_a_call_that_loses_the_race_for_the_probe_uses_the_fallback(clock: ManualClock) -> None:
    breaker = CircuitBreaker(2, WAIT, name="plex", fallback_function=lambda: "fallback")
    half_open(breaker, clock)
    answers = []

    @breaker
    def probe() -> str:
        answers.append(protected())
        return "ok"

    protected: Callable[[], str] = breaker.decorate(lambda: "never")
    assert probe() == "ok"
    assert answers == ["fallback"]


async def test_every_kind_of_function_that_loses_the_race_uses_its_fallback(
    clock: ManualClock,
) -> None:
    async def coroutine() -> str:
        return "never"

    async def other_coroutine() -> str:
        return "fallback"

    def generator() -> Iterator[str]:
        yield "never"

    async def async_generator() -> AsyncIterator[str]:
        yield "never"

    async def other_async_generator() -> AsyncIterator[str]:
        yield "fallback"

    def decorated(function: Callable[..., Any], fallback: Callable[..., Any]) -> Callable[..., Any]:
        breaker = CircuitBreaker(1, WAIT, fallback_function=fallback)
        half_open(breaker, clock)
        breaker.__enter__()  # a probe is out
        assert breaker.state == STATE_HALF_OPEN
        return breaker(function)

    assert list(decorated(generator, lambda: ["fallback"])()) == ["fallback"]
    assert await decorated(coroutine, other_coroutine)() == "fallback"
    stream = decorated(async_generator, other_async_generator)()
    assert [element async for element in stream] == ["fallback"]


def test_a_refusal_that_the_function_itself_raises_is_not_answered_by_the_fallback() -> None:
    inner = CircuitBreaker(1, WAIT, name="inner")
    trip(inner)
    outer = CircuitBreaker(2, WAIT, name="outer", fallback_function=lambda: "fallback")
    protected: Callable[[], None] = outer(lambda: inner.call(fail))
    with pytest.raises(CircuitBreakerError, match='"inner"'):
        protected()
    assert outer.failure_count == 1


def test_an_open_circuit_refuses_in_every_form(breaker: circuitbreaker.CircuitBreaker) -> None:
    trip(breaker)
    never = mock.Mock(__qualname__="never")
    with pytest.raises(CircuitBreakerError):
        breaker.call(never)
    with pytest.raises(CircuitBreakerError):
        list(breaker.call_generator(never))
    with pytest.raises(CircuitBreakerError), breaker:
        never()
    never.assert_not_called()
    assert breaker.failure_count == 2


def test_a_refusal_is_one_for_retries_and_guards_too(
    breaker: circuitbreaker.CircuitBreaker,
) -> None:
    trip(breaker)
    with pytest.raises(CallRefusedError) as caught:
        breaker.call(fail)
    assert (caught.value.name, caught.value.retry_after) == ("plex", WAIT)
