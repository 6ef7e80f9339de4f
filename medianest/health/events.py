"""What happened to the health of a system, as events; see medianest.resilience.events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from medianest.resilience.events import Event

__all__ = ["AlertChanged", "HealthChanged", "alert_changed", "health_changed"]


@dataclass(frozen=True, slots=True)
class HealthChanged(Event):
    """A component went from one status to another."""

    before: str
    after: str
    at: datetime
    message: str | None = None
    origin: int = field(default=0, repr=False, compare=False)
    """The `id` of the monitor that saw it."""


health_changed = HealthChanged.signal


@dataclass(frozen=True, slots=True)
class AlertChanged(Event):
    """An alert about `name` has fired, become critical, or is over; `before` is the state that it
    was in."""

    rule: str
    severity: str
    state: str
    message: str
    at: datetime
    before: str = "pending"
    is_silent: bool = False
    """Whether an operator had silenced it, so that nobody is told."""
    origin: int = field(default=0, repr=False, compare=False)
    """The `id` of the manager that tells it."""


alert_changed = AlertChanged.signal
