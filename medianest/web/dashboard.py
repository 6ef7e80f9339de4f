"""`/api/v1/dashboard`: one line per service, for a portal's front page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from medianest.health import Status, overall_status, status_of_dependency
from medianest.resilience import CircuitBreaker, Dependency, RecoveryContext, State
from medianest.resilience.snapshot import plain
from medianest.web.auth import role_required
from medianest.web.parts import parts
from medianest.web.schemas import Nothing, query

__all__ = ["QUEUE_FIGURES", "UNKNOWN_FIGURES", "blueprint"]

blueprint = Blueprint("dashboard", __name__, url_prefix="/api/v1/dashboard")

QUEUE_FIGURES = "dashboard.queue"
"""The operation that counts what waits; it has a default response."""

UNKNOWN_FIGURES: dict[str, Any] = {
    "pending": None, "running": None, "done": None, "dead": None, "oldest": None,
}  # fmt: skip


@blueprint.get("/status")
@role_required("client")
def status() -> Response:
    """How each service is."""
    query(Nothing)
    here = parts()
    dependencies = here.registry.dependencies()
    context = RecoveryContext(operation=QUEUE_FIGURES, service="database")
    figures = here.service.with_recovery(here.desk.figures, context, max_attempts=1)
    response = jsonify(
        status=overall_status(dependencies).value,
        services=[_line(dependency) for dependency in dependencies],
        queue=figures,
        checked_at=plain(here.registry.clock.utc()),
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _line(dependency: Dependency) -> dict[str, Any]:
    health = status_of_dependency(dependency)
    breaker = dependency.pipeline.find(CircuitBreaker)
    return {
        "name": dependency.name,
        "criticality": dependency.criticality,
        "status": health.value,
        "message": _message(health, breaker),
    }


def _message(health: Status, breaker: CircuitBreaker | None) -> str:
    if health is Status.HEALTHY or breaker is None:
        return "works"
    seen = breaker.snapshot()
    if seen.state is State.FORCED_OPEN:
        return f"switched off: {seen.reason or 'an operator did it'}"
    if seen.state is State.HALF_OPEN:
        return "is coming back"
    return f"is away; tried again in {seen.retry_after or 0:.0f} s"
