"""What happened, as blinker signals with frozen records.

Subscribe with `state_changed.connect(receiver)`; a receiver gets the event as its only argument,
and is forgotten when nothing else refers to it (a lambda): keep it, or connect with `weak=False`.
A receiver that raises is logged and harms nobody. No lock is held while receivers run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from blinker import Namespace, Signal

if TYPE_CHECKING:
    from medianest.resilience.recovery.record import RecoveryRecord

__all__ = [
    "AlertChanged",
    "BreakerAdded",
    "BudgetExhausted",
    "BulkheadFull",
    "CallRefused",
    "Degraded",
    "Event",
    "HealthChanged",
    "PatienceUsed",
    "Recovered",
    "RecoveryFinished",
    "RetryScheduled",
    "Shared",
    "StateChanged",
    "WouldHaveOpened",
    "alert_changed",
    "breaker_added",
    "budget_exhausted",
    "bulkhead_full",
    "call_refused",
    "degraded",
    "health_changed",
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

breaker_added = _signals.signal("breaker-added")
state_changed = _signals.signal("state-changed")
would_have_opened = _signals.signal("would-have-opened")
call_refused = _signals.signal("call-refused")
bulkhead_full = _signals.signal("bulkhead-full")
retry_scheduled = _signals.signal("retry-scheduled")
budget_exhausted = _signals.signal("budget-exhausted")
recovered = _signals.signal("recovered")
degraded = _signals.signal("degraded")
shared = _signals.signal("shared")
patience_used = _signals.signal("patience-used")
recovery_finished = _signals.signal("recovery-finished")
health_changed = _signals.signal("health-changed")
alert_changed = _signals.signal("alert-changed")


@dataclass(frozen=True, slots=True)
class Event:
    """What every event tells: the name of the breaker, bulkhead, retry or fallback."""

    name: str


@dataclass(frozen=True, slots=True)
class BreakerAdded(Event):
    """A registry has a breaker that it did not have before."""


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


@dataclass(frozen=True, slots=True)
class WouldHaveOpened(Event):
    """A disabled breaker saw what would have opened it."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class CallRefused(Event):
    """A breaker refused a call; `retry_after` is None when waiting is no help."""

    retry_after: float | None


@dataclass(frozen=True, slots=True)
class BulkheadFull(Event):
    """A bulkhead had no place for a call."""

    max_concurrent: int


@dataclass(frozen=True, slots=True)
class RetryScheduled(Event):
    """A failed call will be made again after `delay` seconds."""

    attempt: int
    delay: float
    error: BaseException


@dataclass(frozen=True, slots=True)
class BudgetExhausted(Event):
    """A retry was not made because retries are too large a share of the calls."""

    attempt: int
    error: BaseException


@dataclass(frozen=True, slots=True)
class Recovered(Event):
    """A call succeeded after it had failed."""

    attempts: int


@dataclass(frozen=True, slots=True)
class Degraded(Event):
    """A fallback answered in the place of a failed call."""

    source: str
    error: BaseException
    age: float | None = None


@dataclass(frozen=True, slots=True)
class Shared(Event):
    """One flight is over that so many callers had asked for."""

    callers: int


@dataclass(frozen=True, slots=True)
class PatienceUsed(Event):
    """A caller waited `seconds` for a flight, and left it for the last good answer."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RecoveryFinished(Event):
    """What was tried after a failure, and what came of it."""

    record: RecoveryRecord


@dataclass(frozen=True, slots=True)
class HealthChanged(Event):
    """A component went from one status to another."""

    before: str
    after: str
    at: datetime
    message: str | None = None


@dataclass(frozen=True, slots=True)
class AlertChanged(Event):
    """An alert about `name` has fired, become critical, or is over."""

    rule: str
    severity: str
    state: str
    message: str
    at: datetime


_SIGNAL_OF: dict[type[Event], Signal] = {
    BreakerAdded: breaker_added,
    StateChanged: state_changed,
    WouldHaveOpened: would_have_opened,
    CallRefused: call_refused,
    BulkheadFull: bulkhead_full,
    RetryScheduled: retry_scheduled,
    BudgetExhausted: budget_exhausted,
    Recovered: recovered,
    Degraded: degraded,
    Shared: shared,
    PatienceUsed: patience_used,
    RecoveryFinished: recovery_finished,
    HealthChanged: health_changed,
    AlertChanged: alert_changed,
}


def publish(events: Iterable[Event]) -> None:
    """Send events to their receivers. Never raises an Exception."""
    for event in events:
        for receiver in _SIGNAL_OF[type(event)].receivers_for(event):
            _deliver(receiver, event)


def _deliver(receiver: Any, event: Event) -> None:
    try:
        receiver(event)
    except Exception:
        logger.exception("a receiver of %s events failed", type(event).__name__)
