"""What happened, as blinker signals with frozen records.

Subscribe with `state_changed.connect(receiver)`; a receiver gets the event as its only argument,
and is forgotten when nothing else refers to it (a lambda): keep it, or connect with `weak=False`.
A receiver that raises is logged and harms nobody. No lock is held while receivers run.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from blinker import Namespace, Signal

if TYPE_CHECKING:
    from medianest.resilience.recovery.record import RecoveryRecord

__all__ = [
    "BreakerAdded",
    "BudgetExhausted",
    "BulkheadAdded",
    "BulkheadFull",
    "CallRefused",
    "Degraded",
    "Event",
    "PatienceUsed",
    "Recovered",
    "RecoveryFinished",
    "RetryScheduled",
    "Shared",
    "StateChanged",
    "WouldHaveOpened",
    "breaker_added",
    "budget_exhausted",
    "bulkhead_added",
    "bulkhead_full",
    "call_refused",
    "degraded",
    "patience_used",
    "recovered",
    "recovery_finished",
    "retry_scheduled",
    "shared",
    "state_changed",
    "would_have_opened",
]

logger = logging.getLogger("medianest.resilience")
_signals = Namespace()
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Event:
    """What every event tells: the name of the breaker, bulkhead, retry or fallback. Each kind of
    event has a signal, named after it."""

    name: str
    signal: ClassVar[Signal]

    def __init_subclass__(cls) -> None:
        cls.signal = _signals.signal(_CAPITAL.sub("-", cls.__name__).lower())


@dataclass(frozen=True, slots=True)
class BreakerAdded(Event):
    """A registry has a breaker that it did not have before."""


breaker_added = BreakerAdded.signal


@dataclass(frozen=True, slots=True)
class BulkheadAdded(Event):
    """A registry has a bulkhead that it did not have before."""


bulkhead_added = BulkheadAdded.signal


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    """A breaker went from one state to another."""

    before: str
    after: str
    trigger: str
    at: datetime
    generation: int
    reason: str | None = None
    actor: str | None = None
    origin: int = field(default=0, repr=False, compare=False)
    """Tells breakers of one name apart: see `CircuitBreaker.is_origin_of`."""


state_changed = StateChanged.signal


@dataclass(frozen=True, slots=True)
class WouldHaveOpened(Event):
    """A disabled breaker saw what would have opened it."""

    at: datetime
    reason: str


would_have_opened = WouldHaveOpened.signal


@dataclass(frozen=True, slots=True)
class CallRefused(Event):
    """A breaker refused a call; `retry_after` is None when waiting is no help."""

    retry_after: float | None


call_refused = CallRefused.signal


@dataclass(frozen=True, slots=True)
class BulkheadFull(Event):
    """A bulkhead had no place for a call."""

    max_concurrent: int


bulkhead_full = BulkheadFull.signal


@dataclass(frozen=True, slots=True)
class RetryScheduled(Event):
    """A failed call will be made again after `delay` seconds."""

    attempt: int
    delay: float
    error: BaseException


retry_scheduled = RetryScheduled.signal


@dataclass(frozen=True, slots=True)
class BudgetExhausted(Event):
    """A retry was not made because retries are too large a share of the calls."""

    attempt: int
    error: BaseException


budget_exhausted = BudgetExhausted.signal


@dataclass(frozen=True, slots=True)
class Recovered(Event):
    """A call succeeded after it had failed."""

    attempts: int


recovered = Recovered.signal


@dataclass(frozen=True, slots=True)
class Degraded(Event):
    """A fallback answered in the place of a failed call."""

    source: str
    error: BaseException
    age: float | None = None


degraded = Degraded.signal


@dataclass(frozen=True, slots=True)
class Shared(Event):
    """One flight is over that so many callers had asked for."""

    callers: int


shared = Shared.signal


@dataclass(frozen=True, slots=True)
class PatienceUsed(Event):
    """A caller waited `seconds` for a flight, and left it for the last good answer."""

    seconds: float


patience_used = PatienceUsed.signal


@dataclass(frozen=True, slots=True)
class RecoveryFinished(Event):
    """What was tried after a failure, and what came of it."""

    record: RecoveryRecord


recovery_finished = RecoveryFinished.signal


def publish(events: Iterable[Event]) -> None:
    """Send events to their receivers. Never raises an Exception."""
    for event in events:
        for receiver in event.signal.receivers_for(event):
            _deliver(receiver, event)


def _deliver(receiver: Any, event: Event) -> None:
    try:
        receiver(event)
    except Exception:
        logger.exception("a receiver of %s events failed", type(event).__name__)
