"""Breakers that are seldom called: they take little memory, and rest without missing anything."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from medianest.resilience import CircuitBreaker, CircuitOpenError, ManualClock, State
from medianest.resilience.circuit_breaker.states import REST
from medianest.resilience.circuit_breaker.window import TICK
from medianest.resilience.registry import Registry
from tests.resilience.conftest import MakeBreaker

BREAKERS = 1_000
MOST_BYTES = 4096


def ok() -> str:
    return "ok"


def bytes_each(registry: Registry, use: Callable[..., Any] = lambda breaker: None) -> float:
    """What each of many breakers takes, its place in the registry included."""
    registry.breaker("the first, with what all share")
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(BREAKERS):
            use(registry.breaker(f"service-{number}", slow_call_duration_threshold=1.0))
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / BREAKERS


def test_a_breaker_that_was_never_called_takes_4_kb_at_most() -> None:
    assert bytes_each(Registry()) <= MOST_BYTES


def test_a_breaker_that_is_called_no_more_takes_4_kb_at_most() -> None:
    clock = ManualClock()

    def use(breaker: CircuitBreaker) -> None:
        for _ in range(20):
            breaker.call(ok)
        clock.advance(2 * breaker.options.monitoring_period)
        breaker.snapshot()

    assert bytes_each(Registry(clock=clock), use) <= MOST_BYTES


@pytest.fixture
def seldom(clock: ManualClock) -> CircuitBreaker:
    """A breaker that rests."""
    breaker = CircuitBreaker(
        "seldom",
        failure_threshold=1,
        slow_call_duration_threshold=0.1,
        slow_call_rate_threshold=0.1,
        clock=clock,
    )
    clock.advance(TICK)
    breaker.call(ok)
    return breaker


def test_a_call_that_hangs_is_slow_in_time_though_the_breaker_rested(
    clock: ManualClock, seldom: CircuitBreaker
) -> None:
    entered, free = threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        free.wait(30)

    hanging = threading.Thread(target=seldom.call, args=(hang,))
    hanging.start()
    try:
        assert entered.wait(30)
        clock.advance(0.1)
        with pytest.raises(CircuitOpenError):
            seldom.call(ok)
    finally:
        free.set()
        hanging.join()


def test_what_was_seen_at_rest_is_counted_and_leaves_the_window_in_time(
    clock: ManualClock, make_breaker: MakeBreaker
) -> None:
    breaker = make_breaker(monitoring_period=60)
    clock.advance(TICK)
    for _ in range(10):
        breaker.call(ok)
    clock.advance(REST)
    breaker.call(ok)
    assert breaker.snapshot().counts.successes == 11
    clock.advance(60)
    assert breaker.snapshot().counts.successes == 0
    assert breaker.snapshot().totals.successes == 11


def test_an_override_ends_in_time_though_the_breaker_rested(
    clock: ManualClock, make_breaker: MakeBreaker
) -> None:
    breaker = make_breaker(monitoring_period=600)
    breaker.disable(expires_in=TICK + REST / 2)
    clock.advance(TICK)
    breaker.call(ok)
    clock.advance(REST / 2)
    breaker.call(ok)
    assert breaker.state is State.CLOSED
