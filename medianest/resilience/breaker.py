"""The circuit breaker: stops calling what fails, and finds out by itself when it is well again."""

from __future__ import annotations

import functools
import math
import random as _random
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from medianest.resilience.clock import Clock, as_clock
from medianest.resilience.errors import CircuitOpenError, ConfigurationError
from medianest.resilience.events import CallRefused, call_refused, publish
from medianest.resilience.machine import Machine, discard
from medianest.resilience.options import CircuitBreakerOptions, checked_name, configure
from medianest.resilience.outcome import Classifier, Outcome
from medianest.resilience.snapshot import BreakerSnapshot, describe, look
from medianest.resilience.states import Generation, State, Trigger
from medianest.resilience.strategy import Handover, Invoke, Strategy, refuse_unfinished

__all__ = ["CircuitBreaker", "Permit"]

P = ParamSpec("P")
T = TypeVar("T")


class CircuitBreaker(Strategy):
    """Refuses calls to a dependency while it fails. Thread-safe.

    `CircuitBreaker(name, **options)` with the fields of CircuitBreakerOptions as keywords, or
    one such object. Raises ConfigurationError for a wrong option. Use it as a decorator, by
    `call`, in a Pipeline, or in two phases: `permit = breaker.acquire()`, then settle the permit.
    """

    def __init__(
        self,
        name: str,
        options: CircuitBreakerOptions | None = None,
        *,
        clock: Clock | Callable[[], float] | None = None,
        random: Callable[[], float] = _random.random,
        **keywords: Any,
    ) -> None:
        self.name = checked_name(name, "circuit breaker")
        owner = f"circuit breaker {name!r}"
        self.options = configure(CircuitBreakerOptions, options, keywords, owner)
        self._clock = as_clock(clock)
        self._classify = Classifier(self.options.expected_errors, self.options.ignored_errors)
        self._machine = Machine(name, self.options, self._clock, random)
        self._lock = threading.Lock()
        super().__init__()

    # -- calls ---------------------------------------------------------------------------------

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose the breaker around `inner`."""
        # This is the path that every protected call pays for: two clock reads, three atomic list
        # operations, no lock. Anything rarer than a quick success is a method call away.
        machine, now = self._machine, self._clock.now
        enter, leave = machine.flights.append, machine.flights.remove

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            generation = machine.generation
            started = now()
            if started >= generation.check_at:
                retry_after = generation.refuse_until - started
                if retry_after > 0:
                    raise self._refusal(retry_after)
                generation = self._admit(started)
            try:
                enter(started)
                result = inner(function, args, kwargs)
            except BaseException as error:
                self._unwind(generation, started, error)
                raise
            leave(started)
            ended = now()
            if ended - started < generation.quick:
                generation.append(ended - started)
            else:
                self._settle(generation, started, ended, Outcome.SUCCESS)
            return result

        return invoke

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """Decorate a synchronous function. Raises ConfigurationError for any other kind."""
        # Refuses here rather than in `invoke`: each frame that an exception leaves costs 90 ns,
        # a sixth of a refusal, and the look at `shut` costs the closed path 5 ns.
        refuse_unfinished(function)
        machine, now, name = self._machine, self._clock.now, self.name
        invoke, refused = self._invoke, machine.refused.ticks

        @functools.wraps(function)
        def protected(*args: P.args, **kwargs: P.kwargs) -> T:
            generation = machine.generation
            if generation.shut and (retry_after := generation.refuse_until - now()) > 0:
                next(refused)
                if call_refused.receivers:
                    self._announce(retry_after)
                raise CircuitOpenError(name, retry_after)
            return invoke(function, args, kwargs)  # type: ignore[no-any-return]

        return protected

    def acquire(self) -> Permit:
        """Admission in two phases: settle the permit with `success`, `failure` or `release`.

        A permit that is not settled within `half_open_timeout` expires. Raises CircuitOpenError.
        """
        started = self._clock.now()
        generation = self._machine.generation
        if started >= generation.check_at:
            generation = self._admit(started)
        self._machine.permits.append(started)
        return Permit(self, generation, started, self._machine.permits)

    def _admit(self, started: float) -> Generation:
        with self._lock:
            admitted = self._machine.admit(started)
            generation = self._machine.generation
            retry_after = self._machine.retry_after(started)
        self._flush()
        if not admitted:
            raise self._refusal(retry_after)
        return generation

    def _refusal(self, retry_after: float) -> CircuitOpenError:
        next(self._machine.refused.ticks)
        if call_refused.receivers:
            self._announce(retry_after)
        return CircuitOpenError(self.name, retry_after)

    def _announce(self, retry_after: float) -> None:
        publish((CallRefused(self.name, retry_after),))

    def _unwind(self, generation: Generation, started: float, error: BaseException) -> None:
        flights = self._machine.flights
        if isinstance(error, Handover):
            error.held.append(Permit(self, generation, started, flights))
            return
        discard(flights, started)
        self._fail(generation, started, error)

    def _fail(self, generation: Generation, started: float, error: BaseException) -> None:
        if isinstance(error, Exception):
            ended = self._clock.now()
            self._settle(generation, started, ended, self._classify(error), describe(error))
        else:
            with self._lock:
                self._machine.give_back(generation, started)

    def _settle(
        self,
        generation: Generation,
        started: float,
        ended: float,
        outcome: Outcome,
        failure: tuple[str, str] = ("", ""),
    ) -> None:
        with self._lock:
            self._machine.settle(generation, started, ended, outcome, failure)
        if self._machine.events:
            self._flush()

    def _flush(self) -> None:
        """Publish what happened under the lock, now that it is free."""
        events = self._machine.events
        while events:
            try:
                event = events.popleft()
            except IndexError:  # another thread took the last one
                return
            publish((event,))

    # -- operators -----------------------------------------------------------------------------

    def open(
        self,
        reason: str | None = None,
        *,
        expires_in: float | None = None,
        actor: str | None = None,
    ) -> None:
        """Force it open: refuse every call until an operator says otherwise or it expires."""
        self._operate(Trigger.OPEN, reason, actor, expires_in)

    def close(self, reason: str | None = None, *, actor: str | None = None) -> None:
        """Close it and forget the counted calls."""
        self._operate(Trigger.CLOSE, reason, actor)

    def reset(self, reason: str | None = None, *, actor: str | None = None) -> None:
        """Make it as new: closed, totals and last failure forgotten too."""
        self._operate(Trigger.RESET, reason, actor)

    def disable(
        self,
        reason: str | None = None,
        *,
        expires_in: float | None = None,
        actor: str | None = None,
    ) -> None:
        """Admit every call; still count, and announce when it would have opened."""
        self._operate(Trigger.DISABLE, reason, actor, expires_in)

    def enable(self, reason: str | None = None, *, actor: str | None = None) -> None:
        """End `open` or `disable`: closed and automatic again; else nothing changes."""
        self._operate(Trigger.ENABLE, reason, actor)

    def _operate(
        self,
        trigger: Trigger,
        reason: str | None,
        actor: str | None,
        expires_in: float | None = None,
    ) -> None:
        if expires_in is not None and not 0 < expires_in < math.inf:
            raise ConfigurationError(f"expires_in must be seconds above 0, not {expires_in!r}")
        now = self._clock.now()
        expires_at = math.inf if expires_in is None else now + expires_in
        machine = self._machine
        with self._lock:
            overridden = machine.advance(now).state in (State.FORCED_OPEN, State.DISABLED)
            if trigger is not Trigger.ENABLE or overridden:
                machine.fire(trigger, now, reason=reason, actor=actor, expires_at=expires_at)
        self._flush()

    # -- reading -------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """The state now. An open breaker whose wait is over stays OPEN until the next call."""
        now = self._clock.now()
        with self._lock:
            state = self._machine.advance(now).state
        self._flush()
        return state

    def snapshot(self) -> BreakerSnapshot:
        """Everything about it at one instant."""
        now = self._clock.now()
        with self._lock:
            finish = look(self._machine, now)
        self._flush()
        return finish()

    def __repr__(self) -> str:
        return f"<CircuitBreaker {self.name!r} {self._machine.generation.state.value}>"


class Permit:
    """The right to make one call, from `CircuitBreaker.acquire`.

    Settle it once, by `success`, `failure` or `release`, or use it as a context manager, which
    does so from how the block ends. Settling again does nothing.
    """

    __slots__ = ("_breaker", "_flights", "_generation", "_started", "_unsettled")

    def __init__(
        self,
        breaker: CircuitBreaker,
        generation: Generation,
        started: float,
        flights: list[float],
    ) -> None:
        self._breaker = breaker
        self._generation = generation
        self._started = started
        self._flights = flights
        self._unsettled = [True]

    def success(self) -> None:
        """The call went well."""
        if self._take():
            breaker = self._breaker
            ended = breaker._clock.now()
            breaker._settle(self._generation, self._started, ended, Outcome.SUCCESS)

    def failure(self, error: BaseException) -> None:
        """The call raised `error`; whether that counts is decided by `expected_errors`."""
        if self._take():
            self._breaker._fail(self._generation, self._started, error)

    def release(self) -> None:
        """The call was not made, or counts for nothing."""
        if self._take():
            with self._breaker._lock:
                self._breaker._machine.give_back(self._generation, self._started)

    def _take(self) -> bool:
        try:
            self._unsettled.pop()  # atomic: of two threads that settle, one does
        except IndexError:
            return False
        discard(self._flights, self._started)
        return True

    def __enter__(self) -> Permit:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.success()
        else:
            self.failure(error)
