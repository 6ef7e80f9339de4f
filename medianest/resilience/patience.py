"""Patience: who has a last good answer at hand need not wait long for a fresh one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from typing import Any

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.clock import Clock, as_clock
from medianest.resilience.coalesce import checked_flights
from medianest.resilience.counter import LockFreeCounter
from medianest.resilience.deadline import remaining
from medianest.resilience.errors import (
    CallOverdueError,
    ConfigurationError,
    DeadlineExceededError,
    PatienceExceededError,
)
from medianest.resilience.events import PatienceUsed, patience_used, publish
from medianest.resilience.flights import LONGEST, Flight, Joinable, Keep, is_aboard
from medianest.resilience.last_good import LastGood
from medianest.resilience.naming import UNNAMED, name_for
from medianest.resilience.options import MAX_SECONDS, checked_name, is_number
from medianest.resilience.pool import FlightPool
from medianest.resilience.snapshot import PatienceSnapshot
from medianest.resilience.strategy import Invoke, Strategy, question_of

__all__ = ["Patience"]

logger = logging.getLogger(__name__)


@tells_arguments
class Patience(Strategy):
    """Where `last_good` has an answer for a call, its callers wait `seconds`, then raise
    PatienceExceededError, for a Fallback outside to serve that answer; else as long as without
    it. Thread-safe.

    The call goes on in a flight, to its own `timeout` in seconds (None: what is inside bounds it);
    it settles what is inside, and a good result is kept in `last_good`. The seconds count from the
    beginning of the flight: who comes to one that has flown for longer does not wait. Directly
    around a Coalesce it joins the flights of that one, whose pool and timeout apply; by itself
    each call is a flight of its own, and made by its caller when no thread is free. `key` is the
    Fallback's.
    """

    def __init__(
        self,
        seconds: float,
        *,
        last_good: LastGood,
        name: str = UNNAMED,
        key: Callable[..., Hashable] | None = None,
        timeout: float | None = LONGEST,
        pool: FlightPool | None = None,
        clock: Clock | Callable[[], float] | None = None,
    ) -> None:
        self.name = checked_name(name, "patience")
        owner = f"patience {name!r}"
        if not (is_number(seconds) and 0 <= seconds <= MAX_SECONDS):
            raise ConfigurationError(f"{owner}: it takes seconds of at least 0, not {seconds!r}")
        if not all(hasattr(last_good, method) for method in ("put", "get", "now")):
            raise ConfigurationError(
                f"{owner}: last_good must keep answers as MemoryLastGood does, not {last_good!r}"
            )
        self.seconds = float(seconds)
        self.pool = checked_flights(owner, key, timeout, pool)
        self.timeout, self.clock = timeout, as_clock(clock)
        self._last_good, self._key = last_good, key
        self._used = LockFreeCounter()
        self._complained = False
        super().__init__()

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose it around `inner`."""
        flights: Any = inner if hasattr(inner, "join") else _Alone(self, inner)
        return _Patient(self, flights)

    def snapshot(self) -> PatienceSnapshot:
        """How often callers have left for the last good answer."""
        return PatienceSnapshot(self.name, self.seconds, self._used.read())

    def has_answer(self, function: Callable[..., Any], args: Any, kwargs: Any) -> bool:
        """Whether there is a last good answer for a call."""
        store: Any = self._last_good
        try:
            key = self._key_of(function, args, kwargs)
            return bool(store.has(key) if hasattr(store, "has") else store.get(key) is not None)
        except Exception as error:  # then the caller waits, as without it
            self._complain(error, function)
            return False

    def keeping(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Keep | None:
        """What keeps the result of a flight that begins now."""
        try:
            asked_at = self._last_good.now()
        except Exception as error:
            self._complain(error, function)
            return None

        def keep(result: Any) -> None:
            try:
                self._last_good.put(self._key_of(function, args, kwargs), result, asked_at)
            except Exception as error:  # the answer is good all the same
                self._complain(error, function)

        return keep

    def exceeded(self, function: Callable[..., Any]) -> PatienceExceededError:
        """Count it, tell it; the error for the caller."""
        next(self._used.ticks)
        name = name_for(self.name, function)
        if patience_used.receivers:
            publish((PatienceUsed(name, self.seconds),))
        return PatienceExceededError(name, None, self.seconds)

    def _key_of(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Hashable:
        if self._key is not None:
            return self._key(*args, **kwargs)
        return question_of(function, args, kwargs)

    def _complain(self, error: Exception, function: Callable[..., Any]) -> None:
        if not self._complained:
            self._complained = True
            name = name_for(self.name, function)
            logger.error("patience %r cannot use its good answers", name, exc_info=error)


class _Patient:
    """Calls that are left when they take long."""

    def __init__(self, owner: Patience, flights: Joinable) -> None:
        self.beneath = flights.beneath
        self._owner, self._flights = owner, flights

    def __call__(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        flight = self.join(function, args, kwargs)
        if flight is None:
            return self.beneath(function, args, kwargs)
        try:
            return self._result(flight, function, args, kwargs)
        finally:
            flight.leave()

    def join(
        self, function: Callable[..., Any], args: Any, kwargs: Any, keep: Keep | None = None
    ) -> Flight | None:
        """The flight of a call, whose result will be kept."""
        if is_aboard():
            return None
        keep = keep or self._owner.keeping(function, args, kwargs)
        return self._flights.join(function, args, kwargs, keep)

    def _result(self, flight: Flight, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        owner = self._owner
        if flight.wait(min(remaining(), max(0.0, owner.seconds - flight.age))):
            return flight.take(function, args, kwargs)
        if remaining() > 0 and owner.has_answer(function, args, kwargs):
            raise owner.exceeded(function)
        if flight.wait(remaining()):
            return flight.take(function, args, kwargs)
        raise CallOverdueError(name_for(owner.name, function), None)


class _Alone:
    """Flights that nobody shares."""

    def __init__(self, owner: Patience, inner: Invoke) -> None:
        self.beneath = inner
        self._owner = owner

    def join(
        self, function: Callable[..., Any], args: Any, kwargs: Any, keep: Keep | None = None
    ) -> Flight | None:
        """A flight of its own for a call."""
        owner = self._owner
        if remaining() <= 0:
            raise DeadlineExceededError(name_for(owner.name, function), None)
        flight = Flight(
            self.beneath,
            (function, args, kwargs),
            clock=owner.clock,
            timeout=owner.timeout,
            keep=keep,
        )
        return flight if owner.pool.start(flight.run) else None
