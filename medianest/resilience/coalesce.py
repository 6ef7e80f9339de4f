"""Coalesce: callers with the same question share one call."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from typing import Any

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.bulkhead import Bulkhead
from medianest.resilience.clock import Clock, as_clock
from medianest.resilience.counter import LockFreeCounter
from medianest.resilience.deadline import remaining
from medianest.resilience.errors import CallOverdueError, ConfigurationError, DeadlineExceededError
from medianest.resilience.events import Shared, publish, shared
from medianest.resilience.flights import LONGEST, Flight, Keep, is_aboard
from medianest.resilience.naming import UNNAMED, name_for
from medianest.resilience.options import MAX_SECONDS, checked_name, is_number
from medianest.resilience.pool import FlightPool, forget_in_child
from medianest.resilience.snapshot import CoalesceSnapshot
from medianest.resilience.strategy import Invoke, Strategy, question_of

__all__ = ["Coalesce", "checked_flights"]

logger = logging.getLogger(__name__)

Call = tuple[Callable[..., Any], Any, Any]


@tells_arguments
class Coalesce(Strategy):
    """Callers who ask the same while a call is under way share that call. Thread-safe.

    What is the same is told by `key(*args, **kwargs)`, by default by the function and its
    arguments; a call whose key cannot be had or hashed is made by itself. The call, a flight, is
    made in a thread of `pool`, with the context variables of its first caller. It has a deadline of
    its own, `timeout` seconds after it began; each caller waits no longer than that and than its
    own, then raises CallOverdueError. What does not obey it is left alone: the next caller
    begins another flight (with None, all wait for it). All get the same result, not copies, or the
    same error. When no thread is free, a caller makes the call itself, and so does
    one within a flight: no flight ever waits for another. Of those who have waited for two seconds,
    as many go on as find a place in `line`, a Bulkhead; the others raise BulkheadFullError: callers
    of what hangs must not hold every thread. A result that goes on after the call
    (a Handover) goes to one caller; the others call for themselves.
    """

    def __init__(
        self,
        *,
        name: str = UNNAMED,
        key: Callable[..., Hashable] | None = None,
        timeout: float | None = LONGEST,
        pool: FlightPool | None = None,
        line: Bulkhead | None = None,
        clock: Clock | Callable[[], float] | None = None,
    ) -> None:
        self.name = checked_name(name, "coalesce")
        if line is not None and not isinstance(line, Bulkhead):
            raise ConfigurationError(f"coalesce {name!r}: line must be a Bulkhead, not {line!r}")
        self.line = line
        self.pool = checked_flights(f"coalesce {name!r}", key, timeout, pool)
        self.timeout, self.key = timeout, key
        self.clock = as_clock(clock)
        self.begun, self.shared, self.rejected = (
            LockFreeCounter(),
            LockFreeCounter(),
            LockFreeCounter(),
        )
        self.in_flight: dict[Flight, None] = {}
        self._complained = False
        super().__init__()

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose it around `inner`."""
        return _Table(self, inner)

    def snapshot(self) -> CoalesceSnapshot:
        """How many flights there are and were, and how many calls had no need of one."""
        rejected = self.rejected.read()
        return CoalesceSnapshot(
            name=self.name,
            in_flight=len(self.in_flight),
            flights=max(0, self.begun.read() - rejected),
            shared=self.shared.read(),
            rejected=rejected,
        )

    def complain(self, error: Exception, name: str) -> None:
        """Once: a question without a key has none each time."""
        if not self._complained:
            self._complained = True
            logger.error("coalesce %r cannot tell its calls apart", name, exc_info=error)


class _Question:
    """A key with the hash that it had when it was asked: arguments may change during the call."""

    __slots__ = ("_hash", "_key")

    def __init__(self, key: Hashable) -> None:
        self._key, self._hash = key, hash(key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Question) and self._key == other._key


class _Table:
    """The flights around one Invoke, by their keys."""

    def __init__(self, owner: Coalesce, inner: Invoke) -> None:
        self.beneath = inner
        self._owner = owner
        self.forget()
        forget_in_child(self)

    def __call__(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        flight = self.join(function, args, kwargs)
        if flight is None:
            return self.beneath(function, args, kwargs)
        try:
            if flight.wait(remaining()):
                return flight.take(function, args, kwargs)
            raise CallOverdueError(name_for(self._owner.name, function), None)
        finally:
            flight.leave()

    def join(
        self, function: Callable[..., Any], args: Any, kwargs: Any, keep: Keep | None = None
    ) -> Flight | None:
        """The flight of that question."""
        if is_aboard():
            return None
        owner = self._owner
        if remaining() <= 0:
            raise DeadlineExceededError(name_for(owner.name, function), None)
        try:
            key = owner.key(*args, **kwargs) if owner.key else question_of(function, args, kwargs)
            question = _Question(key)
        except Exception as error:
            owner.complain(error, name_for(owner.name, function))
            return None
        flight = self._joined(question)
        return self._begun(question, (function, args, kwargs), keep) if flight is None else flight

    def forget(self) -> None:
        """Begin without flights."""
        self._flights: dict[_Question, Flight] = {}
        self._lock = threading.Lock()
        self._owner.in_flight.clear()

    def _joined(self, question: _Question) -> Flight | None:
        with self._lock:
            flight = self._flights.get(question)
            if flight is None:
                return None
            if not flight.join():
                del self._flights[question]
                return None
        next(self._owner.shared.ticks)
        return flight

    def _begun(self, question: _Question, call: Call, keep: Keep | None) -> Flight | None:
        owner = self._owner
        flight = Flight(
            self.beneath,
            call,
            clock=owner.clock,
            timeout=owner.timeout,
            keep=keep,
            line=owner.line,
            on_end=lambda flight: self._ended(question, flight, call[0]),
        )
        started = False
        try:
            with self._lock:
                found = self._flights.setdefault(question, flight)
                is_joined = found is not flight and found.join()
                if found is not flight and not is_joined:
                    self._flights[question] = flight
            if is_joined:
                next(owner.shared.ticks)
                return found
            owner.in_flight[flight] = None
            next(owner.begun.ticks)
            started = owner.pool.start(flight.run)
        finally:
            # An interrupt counts as well: nobody may wait for what never begins.
            if not started and self._flights.get(question) is flight:
                flight.cancel()
        if started:
            return flight
        next(owner.rejected.ticks)
        return None

    def _ended(self, question: _Question, flight: Flight, function: Callable[..., Any]) -> None:
        with self._lock:
            if self._flights.get(question) is flight:
                del self._flights[question]
            callers = flight.callers
        self._owner.in_flight.pop(flight, None)
        if callers > 1 and shared.receivers:
            publish((Shared(name_for(self._owner.name, function), callers),))


def checked_flights(
    owner: str, key: object, timeout: object, pool: FlightPool | None
) -> FlightPool:
    """The pool for flights. Raises ConfigurationError for options that are not allowed."""
    if key is not None and not callable(key):
        raise ConfigurationError(f"{owner}: key must be a function, not {key!r}")
    if timeout is not None and not (is_number(timeout) and 0 < timeout <= MAX_SECONDS):  # type: ignore[operator]
        raise ConfigurationError(f"{owner}: timeout must be seconds above 0, not {timeout!r}")
    if pool is not None and not isinstance(pool, FlightPool):
        raise ConfigurationError(f"{owner}: pool must be a FlightPool, not {pool!r}")
    return FlightPool(name=owner) if pool is None else pool
