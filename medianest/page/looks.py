"""How things are drawn: each look has a colour and a shape of its own."""

from __future__ import annotations

from typing import Final, Literal

from medianest.health import Status
from medianest.health.thresholds import Severity
from medianest.resilience import State

__all__ = ["OF_SEVERITY", "OF_STATE", "OF_STATUS", "WORDS", "Look"]

Look = Literal["ok", "warn", "bad", "held", "off"]

OF_STATUS: Final[dict[Status, Look]] = {
    Status.HEALTHY: "ok",
    Status.UNKNOWN: "off",
    Status.DEGRADED: "warn",
    Status.UNHEALTHY: "bad",
}
OF_STATE: Final[dict[State, Look]] = {
    State.CLOSED: "ok",
    State.HALF_OPEN: "warn",
    State.OPEN: "bad",
    State.FORCED_OPEN: "held",
    State.DISABLED: "held",
}
OF_SEVERITY: Final[dict[Severity, Look]] = {Severity.WARNING: "warn", Severity.CRITICAL: "bad"}

WORDS: Final[dict[State, str]] = {
    State.CLOSED: "closed",
    State.OPEN: "open",
    State.HALF_OPEN: "half-open",
    State.FORCED_OPEN: "held open",
    State.DISABLED: "switched off",
}
"""Of a breaker's states, as people read them."""
