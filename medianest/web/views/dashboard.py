"""`/api/v1/dashboard`: one line per service, for a portal's front page."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from medianest.health import DependencyHealth, Status
from medianest.resilience import Criticality, ErrorRecoveryManager, RecoveryContext
from medianest.resilience.recovery import NamedOperation, default_response
from medianest.storage.samples import sample_error
from medianest.web.container import container
from medianest.web.endpoint import endpoint
from medianest.web.models import AnswerModel, Timestamp, by_name
from medianest.web.views.queue_figures import QueueFigures

__all__ = [
    "DashboardStatus",
    "ServiceLine",
    "blueprint",
    "register_recovery",
]


class ServiceLine(AnswerModel):
    """How one service is."""

    name: str
    criticality: Criticality
    status: Status
    message: str


class DashboardStatus(AnswerModel):
    """How each service is."""

    status: Status
    services: tuple[ServiceLine, ...]
    by_name: Annotated[dict[str, ServiceLine], Field(description="The same, by name.")]
    queue: QueueFigures
    generated_at: Timestamp


blueprint = Blueprint("dashboard", __name__, url_prefix="/api/v1/dashboard")

DASHBOARD = "dashboard"
"""Whose operation that is: not the database's, whose own operations repair it."""

QUEUE_FIGURES = "dashboard.queue"
"""The operation that counts what waits; it has a default response."""

UNKNOWN_FIGURES: dict[str, Any] = QueueFigures().model_dump()


def register_recovery(manager: ErrorRecoveryManager) -> None:
    """What recovery knows of the dashboard: while the queue cannot be counted, it says so."""
    manager.register_recovery_action(default_response({QUEUE_FIGURES: UNKNOWN_FIGURES}))
    manager.register_operation(NamedOperation(name=QUEUE_FIGURES, service=DASHBOARD))
    manager.operations.sample_with(DASHBOARD, sample_error)


@blueprint.get("/status")
@endpoint("client", operation_id="get_dashboard_status", answers={200: DashboardStatus})
def get_dashboard_status() -> DashboardStatus:
    """How each service is."""
    here, report = container(), container().monitoring.reporter.report()
    context = RecoveryContext(operation=QUEUE_FIGURES, service=DASHBOARD)
    figures = here.service.with_recovery(here.queue.admin.figures, context, max_attempts=1)
    services = tuple(_line(found) for found in report.dependencies)
    return DashboardStatus(
        status=report.status,
        services=services,
        by_name=by_name(services),
        queue=QueueFigures.model_validate(figures),
        generated_at=report.at,
    )


def _line(found: DependencyHealth) -> ServiceLine:
    return ServiceLine(
        name=found.name,
        criticality=found.dependency.criticality,
        status=found.status,
        message="works" if found.status is Status.HEALTHY else found.message or "is not known",
    )
