"""From the state of circuit breakers to the status of dependencies and of the system."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from medianest.resilience import CircuitBreaker, Dependency, State

__all__ = ["Status", "overall_status", "status_of_dependency"]


class Status(Enum):
    """How well something is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


_STATUS_OF_STATE = {
    State.CLOSED: Status.HEALTHY,
    State.DISABLED: Status.HEALTHY,
    State.HALF_OPEN: Status.DEGRADED,
    State.OPEN: Status.UNHEALTHY,
    State.FORCED_OPEN: Status.UNHEALTHY,
}


def status_of_dependency(dependency: Dependency) -> Status:
    """A dependency is as well as its circuit breaker says; without one it is taken for healthy."""
    breaker = dependency.pipeline.find(CircuitBreaker)
    return Status.HEALTHY if breaker is None else _STATUS_OF_STATE[breaker.state]


def overall_status(dependencies: Iterable[Dependency]) -> Status:
    """A critical dependency makes the system as unwell as it is itself, an important one at most
    degraded, an optional one nothing."""
    worst = Status.HEALTHY
    for dependency in dependencies:
        status = status_of_dependency(dependency)
        if status is Status.HEALTHY or dependency.criticality == "optional":
            continue
        if status is Status.UNHEALTHY and dependency.criticality == "critical":
            return Status.UNHEALTHY
        worst = Status.DEGRADED
    return worst
