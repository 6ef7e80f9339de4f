"""One call under way: who may still join it, and what is left of it for the last who leaves."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from medianest.resilience import ManualClock
from medianest.resilience.flights import Flight
from tests.resilience.recovering import broken

GRACE = 1.0
"""Seconds after its deadline in which a call may still say so itself."""


def direct(function: Any, args: Any, kwargs: Any) -> Any:
    return function(*args, **kwargs)


def flight_of(function: Any, clock: ManualClock, timeout: float | None = None) -> Flight:
    return Flight(direct, (function, (), {}), clock=clock, timeout=timeout, keep=None)


def test_nobody_joins_a_flight_that_is_overdue(clock: ManualClock) -> None:
    flight = flight_of(int, clock, timeout=5)
    clock.advance(5 + GRACE / 2)
    assert flight.join()
    clock.advance(GRACE / 2)
    assert not flight.join()


def test_an_error_is_there_until_the_last_caller_has_left(clock: ManualClock) -> None:
    flight = flight_of(broken, clock)
    assert flight.join()
    flight.run()
    flight.leave()
    assert isinstance(flight.error, ConnectionError)
    flight.leave()
    assert flight.error is None


def test_each_who_gets_the_error_sees_where_it_was_raised(clock: ManualClock) -> None:
    flight = flight_of(broken, clock)
    flight.run()
    for _ in range(2):
        with pytest.raises(ConnectionError) as caught:
            flight.take(broken, (), {})
        assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "broken"
