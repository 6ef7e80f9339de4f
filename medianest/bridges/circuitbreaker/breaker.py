"""The circuit breaker of the `circuitbreaker` package, as a face of medianest's.

A call is admitted by a permit of the medianest breaker and settles it; what that breaker makes
of it is all that counts. Kept here is only what it does not know: the exception that failed
last, and how many probes have failed since the circuit opened.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
from datetime import datetime, timedelta
from functools import cached_property
from math import ceil, floor
from types import TracebackType
from typing import Any, Literal, TypeVar, cast

from medianest import resilience
from medianest.bridges.circuitbreaker.core import countable, make, register
from medianest.bridges.circuitbreaker.error import CircuitBreakerError
from medianest.bridges.circuitbreaker.monitor import CircuitBreakerMonitor
from medianest.bridges.circuitbreaker.predicate import Expected, build_failure_predicate
from medianest.bridges.circuitbreaker.state import STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN
from medianest.bridges.circuitbreaker.wrapper import wrap
from medianest.resilience import CircuitOpenError, Permit, State, default_registry
from medianest.resilience.circuit_breaker.blocks import Blocks

__all__ = ["CircuitBreaker"]

F = TypeVar("F", bound=Callable[..., Any])

_UNNAMED = "unnamed_CircuitBreaker"


class CircuitBreaker:
    """Opens after `failure_threshold` failures in a row, for `recovery_timeout` seconds; then
    one call at a time is let through, until one succeeds. Thread-safe.

    Decorates functions, generators and coroutines of any kind; or `call...`; or `with`.
    """

    FAILURE_THRESHOLD: Any = 5
    RECOVERY_TIMEOUT: Any = 30
    EXPECTED_EXCEPTION: Any = Exception
    FALLBACK_FUNCTION: Any = None

    def __init__(
        self,
        failure_threshold: float | None = None,
        recovery_timeout: float | None = None,
        expected_exception: Expected | None = None,
        name: str | None = None,
        fallback_function: Callable[..., Any] | None = None,
    ) -> None:
        self._failure_threshold = failure_threshold or self.FAILURE_THRESHOLD
        self._recovery_timeout = recovery_timeout or self.RECOVERY_TIMEOUT
        # From the class itself: a function there must not become a bound method.
        expected = expected_exception or type(self).__dict__.get(
            "EXPECTED_EXCEPTION", CircuitBreaker.EXPECTED_EXCEPTION
        )
        self.is_failure = build_failure_predicate(expected)
        self._fallback_function = fallback_function or self.FALLBACK_FUNCTION
        self._name = name
        self._clock = default_registry.clock
        self._opened = self._clock.now()
        self._opening = 0  # the generation of the latest opening that was seen
        self._failure_count = 0  # since the circuit opened; the breaker counts until then
        self._last_failure: BaseException | None = None
        self._lock = threading.Lock()
        self._blocks: Blocks[Permit] = Blocks()

    @cached_property
    def _breaker(self) -> resilience.CircuitBreaker:
        # Not made before it is needed: its name may only be known when it decorates.
        return make(str(self), self._failure_threshold, self._recovery_timeout, default_registry)

    # -- calls ---------------------------------------------------------------------------------

    def __call__(self, wrapped: F) -> F:
        return self.decorate(wrapped)

    def decorate(self, function: F) -> F:
        """Apply the circuit breaker to a function of any kind, and register it."""
        if self._name is None:
            unused = self.closed and self.failure_count == 0
            for owner in (function, type(function)):
                self._name = self._name or getattr(owner, "__qualname__", None)
            if unused:
                self.__dict__.pop("_breaker", None)
        CircuitBreakerMonitor.register(self)
        register(self._breaker, default_registry)
        return cast(F, wrap(self, function))

    def call(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function. Raises CircuitBreakerError when it is not admitted, as all of these."""
        with self._admit():
            return func(*args, **kwargs)

    def call_generator(
        self, func: Callable[..., Iterable[Any]], *args: Any, **kwargs: Any
    ) -> Generator[Any, Any, Any]:
        """Iterate over a generator function's elements as one call."""
        with self._admit():
            return (yield from func(*args, **kwargs))

    async def call_async(
        self, func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any
    ) -> Any:
        """Await a coroutine function."""
        with self._admit():
            return await func(*args, **kwargs)

    async def call_async_generator(
        self, func: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> AsyncGenerator[Any, None]:
        """Iterate over an async generator function's elements as one call."""
        with self._admit():
            async for element in func(*args, **kwargs):
                yield element

    def __enter__(self) -> None:
        self._blocks.begin(self._admit().permit)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]:
        permit = self._blocks.end()
        if permit is not None:
            self._settle(permit, exc_value)
        return False

    def _admit(self) -> _Admitted:
        try:
            return _Admitted(self, self._breaker.acquire())
        except CircuitOpenError:
            raise CircuitBreakerError(self) from None

    def _settle(self, permit: Permit, error: BaseException | None) -> None:
        if error is None:
            self._succeed(permit)
            return
        try:
            if isinstance(error, Exception):  # an interrupt or a dropped generator says nothing
                if self.is_failure(type(error), error):
                    permit.failure(countable(error))
                    self._follow(error)
                else:
                    self._succeed(permit)
        finally:
            permit.release()  # nothing when settled; else `is_failure` raised or was not asked

    def _succeed(self, permit: Permit) -> None:
        permit.success()
        if self._last_failure is not None or self._failure_count:
            self._follow(None)

    def _follow(self, error: Exception | None) -> None:
        """See what the breaker made of a finished call, which may have come too late to count."""
        known = self._opening
        state = self._breaker.state
        if state is State.CLOSED or state is State.DISABLED:
            with self._lock:
                if self._opening == known:
                    self._failure_count, self._last_failure = 0, error
        elif state is State.OPEN and error is not None:
            self._follow_opening(error)

    def _follow_opening(self, error: Exception) -> None:
        seen, now = self._breaker.snapshot(), self._clock.now()
        with self._lock:
            if seen.state is State.OPEN and seen.generation > self._opening:
                count = self._failure_count
                self._opening = seen.generation
                self._opened = now + (seen.retry_after or 0.0) - self._recovery_timeout
                self._failure_count = count + 1 if count else self._threshold
                self._last_failure = error

    def reset(self) -> None:
        """Close the circuit and forget its failures; what an operator forced stays."""
        if self._breaker.state not in (State.FORCED_OPEN, State.DISABLED):
            self._breaker.close("reset by the program")
        with self._lock:
            self._failure_count, self._last_failure = 0, None

    # -- reading -------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """STATE_CLOSED, STATE_OPEN, or STATE_HALF_OPEN once the wait is over."""
        state = self._breaker.state
        if state is State.CLOSED or state is State.DISABLED:
            return STATE_CLOSED
        if state is State.HALF_OPEN or (state is State.OPEN and self._wait_is_over()):
            return STATE_HALF_OPEN
        return STATE_OPEN

    def _wait_is_over(self) -> bool:
        if self._clock.now() < self._opened + self._recovery_timeout:
            return False
        return not self._breaker.snapshot().retry_after  # a probe that hung has opened it again

    @property
    def open_until(self) -> datetime:
        """About when the next probe is admitted."""
        return self._clock.utc() + timedelta(seconds=self.open_remaining)

    @property
    def open_remaining(self) -> int:
        """Whole seconds until the next probe is admitted; negative when that is past. While an
        operator has it open, which nobody knows the end of: the recovery timeout."""
        if self.is_forced_open:
            return ceil(self._recovery_timeout)
        left = self._opened + self._recovery_timeout - self._clock.now()
        if self._breaker.state in (State.OPEN, State.FORCED_OPEN):
            left = self._breaker.snapshot().retry_after or min(left, 0.0)
        return ceil(left) if left > 0 else floor(left)

    @property
    def failure_count(self) -> int:
        """Failures since the last success."""
        state = self._breaker.state
        if state is State.CLOSED or state is State.DISABLED:
            return self._breaker.snapshot().consecutive_failures
        if state is State.FORCED_OPEN:
            return self._failure_count
        return max(self._failure_count, self._threshold)

    @property
    def _threshold(self) -> int:
        return self._breaker.options.failure_threshold

    @property
    def closed(self) -> bool:
        """Whether calls are admitted."""
        return self.state == STATE_CLOSED

    @property
    def opened(self) -> bool:
        """Whether calls are refused."""
        return self.state == STATE_OPEN

    @property
    def is_forced_open(self) -> bool:
        """Whether an operator has opened it until further notice."""
        seen = self._breaker.snapshot()
        return seen.state is State.FORCED_OPEN and seen.expires_at is None

    @property
    def name(self) -> str | None:
        """Its name; None until it decorates, unless one was given."""
        return self._name

    @property
    def last_failure(self) -> BaseException | None:
        """The latest failure; None after a success."""
        return self._last_failure

    @property
    def fallback_function(self) -> Callable[..., Any] | None:
        """What is called with the same arguments while the circuit is open."""
        return self._fallback_function

    def __str__(self) -> str:
        return self._name or _UNNAMED


class _Admitted:
    """A call that was admitted, until it ends."""

    __slots__ = ("owner", "permit")

    def __init__(self, owner: CircuitBreaker, permit: Permit) -> None:
        self.owner = owner
        self.permit = permit

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.owner._settle(self.permit, exc_value)
