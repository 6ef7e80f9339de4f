"""What becomes of a deferred operation that failed: whose fault it was, when it is tried again,
and whether it may have been done all the same. Pure: one table of rules.

A dead letter needs proof that the operation itself is at fault: an error that is documented as
permanent, or failures again and again over long while others are done. An outage, however long,
kills nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from medianest.config import QueueSettings
from medianest.queue.errors import PayloadError
from medianest.queue.operations import Operation

__all__ = ["Decision", "Handler", "backoff", "decide"]

OUTAGE_DELAY = 30.0
"""Seconds that an operation, or all of them, wait at most for the next try in an outage."""

_SUSPECT = 3
"""After so many tries an operation that fails while others succeed is at fault itself."""


def _never(error: Exception) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Handler:
    """How operations of one name are done.

    `execute(payload)` does one and returns its result as JSON values, through the pipeline of
    `service`. `permanent` are errors after which it can never be done; `outages` are failures of
    the service, which are nobody's attempt; `lane_outages` are those that hold back one lane.

    Where `uncertain(error)`, or a crash, leaves in doubt whether it was done, `look(payload,
    since)` tells: the result of what is there, made since it was first sent where that matters, or
    None. It
    must need of the service what `execute` needs. Without it, what is done again must do no harm.
    """

    name: str
    service: str
    execute: Callable[[Mapping[str, Any]], Any]
    look: Callable[[Mapping[str, Any], datetime], Any] | None = None
    permanent: tuple[type[Exception], ...] = ()
    outages: tuple[type[Exception], ...] = ()
    lane_outages: tuple[type[Exception], ...] = ()
    told_at_once: tuple[type[Exception], ...] = ()
    """Those that whoever asks is told instead of being told that it is kept."""
    uncertain: Callable[[Exception], bool] = _never
    breakers: tuple[str, ...] = ()
    """The circuit breakers on its way; none: that of its service."""
    concurrency: int = 1
    """Operations at once in one process."""

    @property
    def breaker_names(self) -> tuple[str, ...]:
        """The circuit breakers on its way."""
        return self.breakers or (self.service,)


@dataclass(frozen=True, slots=True)
class Decision:
    """`dead`: never again. Else in `delay` seconds, before jitter; `own` says that the failure
    counts against the operation, `outage` that it is the service's, `lane` that it is the lane's;
    `in_doubt` that it may have been done."""

    dead: bool
    own: bool
    outage: bool
    lane: bool
    delay: float
    in_doubt: bool


def decide(
    handler: Handler,
    operation: Operation,
    error: Exception,
    settings: QueueSettings,
    *,
    failing_for: float,
    last_success: datetime | None,
) -> Decision:
    """What to do about a failure; `failing_for` are the seconds since the first of its own,
    `last_success` is when another operation of that handler was done in this process."""
    lane = isinstance(error, handler.lane_outages)
    outage = isinstance(error, handler.outages) and not lane
    others_succeed = last_success is not None and last_success > operation.since
    own = not lane and (not outage or (others_succeed and operation.attempts > _SUSPECT))
    permanent = isinstance(error, (*handler.permanent, PayloadError))
    if own:
        delay = backoff(settings, operation.failures)
    else:
        delay = min(backoff(settings, operation.attempts - 1), OUTAGE_DELAY)
    asked = getattr(error, "retry_after", None)
    if isinstance(asked, int | float):
        delay = max(delay, min(asked, settings.max_delay if own else OUTAGE_DELAY))
    return Decision(
        dead=permanent or (own and _is_hopeless(operation, settings, failing_for, last_success)),
        own=own,
        outage=outage,
        lane=lane,
        delay=delay,
        in_doubt=handler.uncertain(error) and not permanent,
    )


def _is_hopeless(
    operation: Operation, settings: QueueSettings, failing_for: float, last_success: datetime | None
) -> bool:
    """Whether it has failed again and again, over long, while others were done."""
    since = operation.failing_since
    if since is None or operation.failures + 1 < settings.max_attempts:
        return False
    is_long = failing_for >= settings.give_up_after
    return is_long and last_success is not None and last_success > since


def backoff(settings: QueueSettings, failures: int) -> float:
    """Exponential, capped."""
    return min(settings.initial_delay * 2.0 ** min(max(failures, 0), 60), settings.max_delay)
