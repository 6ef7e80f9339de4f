"""`/api/v1/dashboard`: one line per service, for a portal's front page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from medianest.health import Status, overall_status, status_of_dependency
from medianest.resilience import CircuitBreaker, Dependency, RecoveryContext, State
from medianest.web.answers.dashboard import DashboardStatus, ServiceLine
from medianest.web.answers.queue import QueueFigures
from medianest.web.endpoint import endpoint
from medianest.web.parts import parts

__all__ = ["QUEUE_FIGURES", "UNKNOWN_FIGURES", "blueprint"]

blueprint = Blueprint("dashboard", __name__, url_prefix="/api/v1/dashboard")

QUEUE_FIGURES = "dashboard.queue"
"""The operation that counts what waits; it has a default response."""

UNKNOWN_FIGURES: dict[str, Any] = {
    "pending": None, "running": None, "done": None, "dead": None, "oldest": None,
}  # fmt: skip


@blueprint.get("/status")
@endpoint("client", answers={200: DashboardStatus})
def status() -> DashboardStatus:
    """How each service is."""
    here = parts()
    dependencies = here.registry.dependencies()
    context = RecoveryContext(operation=QUEUE_FIGURES, service="database")
    figures = here.service.with_recovery(here.desk.figures, context, max_attempts=1)
    return DashboardStatus(
        status=overall_status(dependencies).value,
        services=tuple(_line(dependency) for dependency in dependencies),
        queue=QueueFigures.model_validate(figures),
        checked_at=here.registry.clock.utc(),
    )


def _line(dependency: Dependency) -> ServiceLine:
    health = status_of_dependency(dependency)
    breaker = dependency.pipeline.find(CircuitBreaker)
    return ServiceLine(
        name=dependency.name,
        criticality=dependency.criticality,
        status=health.value,
        message=_message(health, breaker),
    )


def _message(health: Status, breaker: CircuitBreaker | None) -> str:
    if health is Status.HEALTHY or breaker is None:
        return "works"
    seen = breaker.snapshot()
    if seen.state is State.FORCED_OPEN:
        return f"switched off: {seen.reason or 'an operator did it'}"
    if seen.state is State.HALF_OPEN:
        return "is coming back"
    return f"is away; tried again in {seen.retry_after or 0:.0f} s"
