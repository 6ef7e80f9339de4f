"""The deadline: one per request, carried by a context variable, shortened by each timeout below.

Threads are never killed. Whatever waits (HTTP, SQL, Redis, a retry, a bulkhead) asks
`remaining()` and waits no longer than that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any

from medianest.resilience.clock import Clock, as_clock
from medianest.resilience.errors import ConfigurationError, DeadlineExceededError
from medianest.resilience.options import checked_name
from medianest.resilience.strategy import Invoke, Strategy

__all__ = ["Deadline", "remaining"]

_current: ContextVar[tuple[float, Clock] | None] = ContextVar("medianest-deadline", default=None)


def remaining(default: float = math.inf) -> float:
    """Seconds left until the current deadline, never below 0; `default` when there is none."""
    limit = _current.get()
    if limit is None:
        return default
    return min(default, max(0.0, limit[0] - limit[1].now()))


class Deadline(Strategy):
    """Gives a call `timeout` seconds, or what the deadline around it has left if that is less.

    Raises DeadlineExceededError when nothing is left, without making the call. A call that
    returns late has its result used: it is there.
    """

    def __init__(
        self,
        timeout: float,
        *,
        name: str = "call",
        clock: Clock | Callable[[], float] | None = None,
    ) -> None:
        if not isinstance(timeout, int | float) or not 0 < timeout < math.inf:
            raise ConfigurationError(f"timeout must be seconds above 0, not {timeout!r}")
        self.timeout = float(timeout)
        self.name = checked_name(name, "deadline")
        self._clock = as_clock(clock)
        super().__init__()

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose the deadline around `inner`."""

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            token = self.begin()
            try:
                return inner(function, args, kwargs)
            finally:
                _current.reset(token)

        return invoke

    def begin(self) -> Token[tuple[float, Clock] | None]:
        """Start the time now; `end` with the token. Raises DeadlineExceededError."""
        clock, outer = self._clock, _current.get()
        now = clock.now()
        expires_at = now + self.timeout
        if outer is not None:
            left = outer[0] - outer[1].now()
            if left <= 0:
                raise DeadlineExceededError(self.name, None)
            expires_at = min(expires_at, now + left)
        return _current.set((expires_at, clock))

    @staticmethod
    def end(token: Token[tuple[float, Clock] | None]) -> None:
        """Restore the deadline from before `begin`."""
        _current.reset(token)

    def scope(self) -> _Scope:
        """The same around a block: `with deadline.scope():`."""
        return _Scope(self)


class _Scope:
    __slots__ = ("_deadline", "_token")

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def __enter__(self) -> None:
        self._token = self._deadline.begin()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _current.reset(self._token)
