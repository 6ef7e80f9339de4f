"""How well something is, and how well the whole is with it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from medianest.resilience import Criticality, State

__all__ = ["STATUS_OF_STATE", "Status", "overall_status"]


class Status(Enum):
    """How well something is."""

    HEALTHY = "healthy"
    UNKNOWN = "unknown"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"

    @property
    def severity_rank(self) -> int:
        """0 for healthy, and more the worse it is."""
        return _ORDER.index(self)

    @classmethod
    def of(cls, severity_rank: int) -> Status:
        """The status that is so bad."""
        return _ORDER[severity_rank]


_ORDER = list(Status)

STATUS_OF_STATE = {
    State.CLOSED: Status.HEALTHY,
    State.DISABLED: Status.DEGRADED,
    State.HALF_OPEN: Status.DEGRADED,
    State.OPEN: Status.UNHEALTHY,
    State.FORCED_OPEN: Status.UNHEALTHY,
}
"""What a circuit breaker says about the dependency behind it."""


def overall_status(parts: Iterable[tuple[Criticality, Status]]) -> Status:
    """A critical part that is unhealthy makes the whole so; critical and important ones that are
    anything but healthy degrade it, or leave it unknown; optional ones do nothing to it."""
    worst = Status.HEALTHY
    for criticality, status in parts:
        if criticality == "critical" and status is Status.UNHEALTHY:
            return status
        if criticality != "optional":
            rank = min(status.severity_rank, Status.DEGRADED.severity_rank)
            worst = Status.of(max(worst.severity_rank, rank))
    return worst
