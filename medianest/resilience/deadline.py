"""The deadline: one per request, carried by a context variable, shortened by each timeout below.

Threads are never killed. Whatever waits (HTTP, SQL, Redis, a retry, a bulkhead) asks
`remaining()` and waits no longer than that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.clock import Clock, as_clock
from medianest.resilience.errors import ConfigurationError, DeadlineExceededError
from medianest.resilience.naming import UNNAMED, name_for
from medianest.resilience.options import MAX_SECONDS, checked_name, is_number
from medianest.resilience.strategy import Invoke, Strategy

__all__ = ["Deadline", "remaining", "start_anew"]

_current: ContextVar[tuple[float, Clock] | None] = ContextVar("medianest-deadline", default=None)


def remaining(default: float = math.inf) -> float:
    """Seconds left until the current deadline, never below 0; `default` when there is none."""
    limit = _current.get()
    if limit is None:
        return default
    return min(default, max(0.0, limit[0] - limit[1].now()))


def start_anew(timeout: float | None, clock: Clock) -> None:
    """Forget the deadline of this context: from now on it has `timeout` seconds, or no end. For
    what goes on when those who asked for it have left."""
    _current.set(None if timeout is None else (clock.now() + timeout, clock))


@tells_arguments
class Deadline(Strategy):
    """Gives a call `timeout` seconds, or what the deadline around it has left if that is less.

    Raises DeadlineExceededError when nothing is left, without making the call. A call that
    returns late has its result used: it is there.
    """

    def __init__(
        self,
        timeout: float,
        *,
        name: str = UNNAMED,
        clock: Clock | Callable[[], float] | None = None,
    ) -> None:
        if not is_number(timeout) or not 0 < timeout <= MAX_SECONDS:
            raise ConfigurationError(f"timeout must be seconds above 0, not {timeout!r}")
        self.timeout = float(timeout)
        self.name = checked_name(name, "deadline")
        self._clock = as_clock(clock)
        super().__init__()

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose the deadline around `inner`."""

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            outer = _current.get()
            try:
                _current.set(self._limit(outer, function))
                return inner(function, args, kwargs)
            finally:
                # By value and not by token: an interrupt cannot come before it is known.
                _current.set(outer)

        return invoke

    def _limit(
        self, outer: tuple[float, Clock] | None, function: Callable[..., Any] | None = None
    ) -> tuple[float, Clock]:
        clock = self._clock
        now = clock.now()
        expires_at = now + self.timeout
        if outer is not None:
            left = outer[0] - outer[1].now()
            if left <= 0:
                name = self.name if function is None else name_for(self.name, function)
                raise DeadlineExceededError(name, None)
            expires_at = min(expires_at, now + left)
        return expires_at, clock

    def scope(self) -> _Scope:
        """The same around a block: `with deadline.scope():`."""
        return _Scope(self)


class _Scope:
    __slots__ = ("_deadline", "_outer")

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def __enter__(self) -> None:
        self._outer = _current.get()
        _current.set(self._deadline._limit(self._outer))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _current.set(self._outer)
