"""Breakers that other code of this process made with the `circuitbreaker` package itself.

Its monitor knows them once they decorate something. The package is looked for among what is
imported and never imported here: where nobody uses it, there is nothing to see.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from medianest.bridges.circuitbreaker.breaker import CircuitBreaker
from medianest.bridges.circuitbreaker.core import printable_name
from medianest.bridges.circuitbreaker.state import STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN
from medianest.resilience import Registry

__all__ = ["OtherBreaker", "other_breakers"]

logger = logging.getLogger(__name__)

_STATES = (STATE_CLOSED, STATE_OPEN, STATE_HALF_OPEN)

_complained: set[str] = set()


@dataclass(frozen=True)
class OtherBreaker:
    """A breaker of that package at one instant: as much as it tells. `retry_after` is in seconds,
    and like `next_attempt` there while it refuses calls."""

    name: str
    state: str
    failures_in_a_row: int
    last_failure: BaseException | None
    next_attempt: datetime | None
    retry_after: float | None
    breaker: Any

    @classmethod
    def of(cls, breaker: Any, name: str) -> OtherBreaker:
        """Look at one. Raises ValueError for a state that is not of that package."""
        state = breaker.state
        if state not in _STATES:
            raise ValueError(f"{state!r} is no state of a circuit breaker")
        is_open = state == STATE_OPEN
        return cls(
            name,
            state,
            breaker.failure_count,
            breaker.last_failure,
            breaker.open_until if is_open else None,
            float(max(0, breaker.open_remaining)) if is_open else None,
            breaker,
        )

    def reset(self) -> None:
        """Close it and forget its failures; all that this package lets an operator do."""
        self.breaker.reset()


def other_breakers(registry: Registry) -> list[OtherBreaker]:
    """All of them by name. One whose name a breaker of the registry has is told apart from it."""
    return sorted(_seen(registry), key=lambda other: other.name)


def _seen(registry: Registry) -> Iterator[OtherBreaker]:
    monitor = getattr(sys.modules.get("circuitbreaker"), "CircuitBreakerMonitor", None)
    for breaker in list(monitor.get_circuits()) if monitor is not None else ():
        if isinstance(breaker, CircuitBreaker):
            continue  # the bridge goes by that package's name here, and its are in the registry
        name = printable_name(str(breaker))
        if registry.find_breaker(name) is not None:
            name += " (circuitbreaker)"
        try:
            yield OtherBreaker.of(breaker, name)
        except Exception as error:  # of a subclass that somebody else wrote
            if name not in _complained:
                _complained.add(name)
                logger.warning("the circuit breaker %s cannot be looked at: %s", name, error)
