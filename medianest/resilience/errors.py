"""Errors of the library, all under one root.

ResilienceError
├── ConfigurationError      an option is wrong; also a ValueError
├── UnknownNameError        no such breaker, pipeline or dependency; also a LookupError
└── CallRefusedError        the call was not made; carries `name` and `retry_after`
    ├── CircuitOpenError        its circuit breaker is open
    ├── BulkheadFullError       its compartment is full
    ├── DeadlineExceededError   no time was left for it; also a TimeoutError
    │   └── CallOverdueError        it was made, and goes on without this caller
    └── PatienceExceededError   it goes on without this caller, who has a last good answer

FailedResultError           a result that `failure_if` takes for a failure; seen by listeners alone

An error that the protected call itself raised reaches the caller unwrapped.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = [
    "BulkheadFullError",
    "CallOverdueError",
    "CallRefusedError",
    "CircuitOpenError",
    "ConfigurationError",
    "DeadlineExceededError",
    "FailedResultError",
    "PatienceExceededError",
    "PortableError",
    "ResilienceError",
    "UnknownNameError",
]


class PortableError(Exception):
    """The root of errors that are pickled and copied as they are, with all that they carry,
    whatever their `__init__` takes: a process pool sends them back."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(
    kind: type[PortableError], args: tuple[Any, ...], state: dict[str, Any]
) -> PortableError:
    error = kind.__new__(kind, *args)
    error.args = args  # an OSError forgets them where `__init__` is another one
    vars(error).update(state)
    return error


class ResilienceError(PortableError):
    """The root of every error that this library raises by itself."""


class ConfigurationError(ResilienceError, ValueError):
    """An option has a value that is not allowed; the message says which are."""


class UnknownNameError(ResilienceError, LookupError):
    """Nothing of that kind is registered under that name."""


class CallRefusedError(ResilienceError):
    """The call was refused before it was made: `CallRefusedError(name, retry_after)`.

    `retry_after` is in seconds, or None when waiting is no help.
    """

    # The two values live in `args` and are read from there: a Python-level __init__
    # would be the most expensive part of a refusal.

    @property
    def name(self) -> str:
        """The name of what refused."""
        return str(self.args[0]) if self.args else "call"

    @property
    def retry_after(self) -> float | None:
        """Seconds after which another try is worth it."""
        wait = self.args[1] if len(self.args) > 1 else None
        return None if wait == math.inf else wait

    def __str__(self) -> str:
        wait = self.retry_after
        return self._reason() + ("" if wait is None else f"; try again in {in_seconds(wait)}")

    def _reason(self) -> str:
        return f"{self.name!r} refused the call"


class CircuitOpenError(CallRefusedError):
    """The circuit breaker admits no calls now. A wait without end is an operator's: then
    `retry_after` is None."""

    def _reason(self) -> str:
        is_forced = len(self.args) > 1 and self.args[1] == math.inf
        by = ": an operator has opened it" if is_forced else ""
        return f"circuit breaker {self.name!r} is open{by}"


class BulkheadFullError(CallRefusedError):
    """All places of the compartment are taken."""

    def _reason(self) -> str:
        return f"bulkhead {self.name!r} is full"


class DeadlineExceededError(CallRefusedError, TimeoutError):
    """The time for this request was over before the call could be made."""

    def _reason(self) -> str:
        return f"the deadline passed before {self.name!r} could be called"


class CallOverdueError(DeadlineExceededError):
    """The time was over before the call answered, which is made in a thread of its own and goes
    on."""

    def _reason(self) -> str:
        return f"{self.name!r} did not answer before the deadline; the call goes on"


class PatienceExceededError(CallRefusedError):
    """A last good answer is known, and the call took longer than its callers wait in that case:
    `PatienceExceededError(name, None, seconds)`. The call goes on."""

    @property
    def seconds(self) -> float:
        """How long a caller waits."""
        return float(self.args[2])

    def _reason(self) -> str:
        within = f"within {self.seconds:g} s" if len(self.args) > 2 else "in time"
        return f"{self.name!r} has not answered {within}"


class FailedResultError(PortableError):
    """A call returned what `failure_if` takes for a failure: `FailedResultError(result)`. Breakers
    and retries treat the call as failed with it; the caller gets the result."""

    @property
    def result(self) -> Any:
        """What the call returned."""
        return self.args[0] if self.args else None

    @property
    def response(self) -> Any:
        """The same, for those who look for the status and the headers of an error."""
        return self.result

    def __str__(self) -> str:
        status = getattr(self.result, "status_code", None)
        return f"returned {status if isinstance(status, int) else type(self.result).__qualname__}"


def in_seconds(wait: float) -> str:
    """A wait as people read it, with no more digits than they need."""
    return f"{wait:.3g} s" if wait < 999.5 else f"{wait:.0f} s"
