"""Ways to make the bridge's circuits fail and open."""

from __future__ import annotations

import pytest

from medianest.bridges.circuitbreaker import CircuitBreaker
from medianest.resilience import ManualClock

WAIT = 30


class DownError(Exception):
    pass


def fail() -> None:
    raise DownError


def ok() -> str:
    return "ok"


def trip(breaker: CircuitBreaker) -> None:
    while not breaker.opened:
        with pytest.raises(DownError):
            breaker.call(fail)


def half_open(breaker: CircuitBreaker, clock: ManualClock) -> None:
    trip(breaker)
    clock.advance(WAIT + 1)
