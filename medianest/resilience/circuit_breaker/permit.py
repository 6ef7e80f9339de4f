"""Permits: calls that are admitted and settled in two phases."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from medianest.resilience.circuit_breaker.states import Generation, State
from medianest.resilience.counter import drop
from medianest.resilience.outcome import causes

if TYPE_CHECKING:
    from medianest.resilience.circuit_breaker.controller import Controller

__all__ = ["Permit"]


class Permit:
    """The right to make one call, from `CircuitBreaker.acquire`.

    Settle it once, by `success`, `failure` or `release`, or use it as a context manager, which
    does so from how the block ends. Settling again does nothing.
    """

    __slots__ = ("_flights", "_generation", "_handled", "_locked", "_started", "_unsettled")

    def __init__(
        self, locked: Controller, generation: Generation, started: float, flights: list[float]
    ) -> None:
        self._locked = locked
        self._generation = generation
        self._started = started
        self._flights = flights
        self._unsettled = [True]
        self._handled = id(sys.exception())  # by id: it must not be kept alive

    def success(self) -> None:
        """The call went well."""
        if self._take():
            self._locked.succeed(self._generation, self._started)

    def failure(self, error: BaseException) -> None:
        """The call raised `error`; whether that counts is decided by `expected_errors`."""
        if self._take():
            self._locked.fail(self._generation, self._started, error, self._causes)

    def _causes(self, error: BaseException) -> Iterator[BaseException]:
        """Without what was being handled when the permit was taken. Its user handles errors in
        the frame that holds it, so frames tell nothing here."""
        return causes(error, self._context_since)

    def _context_since(self, error: BaseException) -> BaseException | None:
        return None if id(error.__context__) == self._handled else error.__context__

    def progress(self) -> None:
        """The call is still under way, and well: a probe's lease begins anew."""
        if self._generation.state is State.HALF_OPEN and self._unsettled:
            self._locked.renew(self._generation, self._started)

    def release(self) -> None:
        """The call was not made, or counts for nothing."""
        if self._take():
            self._locked.give_back(self._generation, self._started)

    def _take(self) -> bool:
        try:
            self._unsettled.pop()  # atomic: of two threads that settle, one does
        except IndexError:
            return False
        drop(self._flights, self._started)
        return True

    def __enter__(self) -> Permit:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is None:
            self.success()
        else:
            self.failure(error)
