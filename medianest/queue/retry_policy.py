"""What becomes of a deferred operation that failed: whose fault it was, when it is tried again,
and whether others may be done meanwhile. Pure: one table of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from medianest.config import QueueSettings
from medianest.queue.operations import Operation

__all__ = ["Handler", "Verdict", "backoff", "judge"]

_OUTAGE_DELAY = 60.0
"""Seconds that an operation waits at most for its next try in an outage: the breaker finds out
when that is over, and then nothing should wait for long."""

_SUSPECT = 3
"""After so many tries an operation that fails while others succeed is at fault itself."""


def _never(error: Exception) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Handler:
    """How operations of one name are done.

    `execute(payload)` does one and returns its result as JSON values, through the pipeline of
    `service`; done again after it was done, it must do no harm. `permanent` are errors after which
    it can never be done; `outages` are failures of the service, which are nobody's attempt. Where
    `uncertain(error)`, the service may still be doing it, and gets `settle_seconds` for it.
    """

    name: str
    service: str
    execute: Callable[[Mapping[str, Any]], Any]
    permanent: tuple[type[Exception], ...] = ()
    outages: tuple[type[Exception], ...] = ()
    uncertain: Callable[[Exception], bool] = _never
    settle_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`dead`: never again. Else in `delay` seconds, and not before `settle` are over; `own` says
    that the failure counts against the operation, `outage` that it is the service's."""

    dead: bool
    own: bool
    outage: bool
    delay: float
    settle: float


def judge(
    handler: Handler,
    operation: Operation,
    error: Exception,
    settings: QueueSettings,
    *,
    now: datetime,
    last_success: datetime | None,
) -> Verdict:
    """The verdict on a failure; `last_success` is when another operation of that handler was
    done. The delay is before jitter."""
    outage = isinstance(error, handler.outages)
    others_succeed = last_success is not None and last_success > operation.since
    own = not outage or (others_succeed and operation.attempts > _SUSPECT)
    exhausted = own and operation.failures + 1 >= settings.max_attempts
    too_old = (now - operation.since).total_seconds() >= settings.max_age
    if own:
        delay = backoff(settings, operation.failures)
    else:
        delay = min(backoff(settings, operation.attempts - 1), _OUTAGE_DELAY)
    asked = getattr(error, "retry_after", None)
    if isinstance(asked, int | float):
        delay = max(delay, min(asked, settings.max_delay))
    return Verdict(
        dead=isinstance(error, handler.permanent) or exhausted or too_old,
        own=own,
        outage=outage,
        delay=delay,
        settle=handler.settle_seconds if handler.uncertain(error) else 0.0,
    )


def backoff(settings: QueueSettings, failures: int) -> float:
    """Exponential, capped."""
    return min(settings.initial_delay * 2.0 ** min(max(failures, 0), 60), settings.max_delay)
