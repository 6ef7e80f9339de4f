"""`/api/v1/resilience/health` and `/status`: how it all is, at one look."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from flask import Blueprint, request
from pydantic import Field

from medianest.health import Status
from medianest.health.report import Report
from medianest.health.score import Score
from medianest.resilience import BulkheadSnapshot, Criticality
from medianest.web.core import core
from medianest.web.endpoint import endpoint
from medianest.web.models import AnswerModel, IfThere, Timestamp, by_name
from medianest.web.refresh import report_response
from medianest.web.views.alerts import Alert
from medianest.web.views.breaker_model import Breaker
from medianest.web.views.cascade import Risk
from medianest.web.views.component_figures import RecoveryFigures
from medianest.web.views.component_model import Component, components_of
from medianest.web.views.queue_figures import QueueFigures
from medianest.web.words import BreakerState

__all__ = ["ResilienceHealth", "SystemStatus", "blueprint", "brief"]


class ComponentLine(AnswerModel):
    """How one component is, in one line."""

    name: str
    status: Status
    criticality: Criticality
    message: Annotated[str | None, Field(description="What is wrong; null: nothing.")]
    breaker_state: BreakerState | None


class ResilienceHealth(AnswerModel):
    """The overall status, and that of each component."""

    generated_at: Timestamp
    status: Status
    components: tuple[ComponentLine, ...]
    by_name: Annotated[dict[str, ComponentLine], Field(description="The same, by name.")]

    @classmethod
    def of(cls, report: Report) -> ResilienceHealth:
        """Of a report."""
        lines = [
            ComponentLine(
                name=each.name,
                status=each.status,
                criticality=each.criticality,
                message=each.message,
                breaker_state=each.breaker_state,
            )
            for each in components_of(report)
        ]
        return cls(
            generated_at=report.at,
            status=report.status,
            components=tuple(lines),
            by_name=by_name(lines),
        )


class SystemStatus(AnswerModel):
    """Everything at a glance, of one instant."""

    generated_at: Timestamp
    status: Status
    score: Score
    components: tuple[Component, ...]
    by_name: Annotated[dict[str, Component], Field(description="The same, by name.")]
    circuit_breakers: tuple[Breaker, ...]
    bulkheads: tuple[BulkheadSnapshot, ...]
    alerts: Annotated[tuple[Alert, ...], Field(description="Those that fire.")]
    pending_alerts: tuple[Alert, ...]
    queue: IfThere[QueueFigures]
    recovery: Annotated[dict[str, RecoveryFigures], Field(description="By action.")]
    cascade: Risk
    recommendations: Annotated[
        tuple[str, ...], Field(description="What to do next, the most urgent first.")
    ]

    @classmethod
    def of(cls, report: Report) -> SystemStatus:
        """Of a report."""
        components = components_of(report)
        return cls(
            generated_at=report.at,
            status=report.status,
            score=report.score,
            components=components,
            by_name=by_name(components),
            circuit_breakers=tuple(map(Breaker.of, report.breakers)),
            bulkheads=report.bulkheads,
            alerts=tuple(map(Alert.of, report.firing)),
            pending_alerts=tuple(map(Alert.of, report.pending)),
            queue=QueueFigures.of(report.components),
            recovery=RecoveryFigures.by_action(report.recovery),
            cascade=Risk.of(report.risk),
            recommendations=report.recommendations,
        )


blueprint = Blueprint("status", __name__, url_prefix="/api/v1/resilience")
brief = Blueprint("brief_status", __name__, url_prefix="/api/v1/resilience")


@brief.get("/health")
@endpoint("viewer", operation_id="get_resilience_health", answers={200: ResilienceHealth})
def get_resilience_health() -> ResilienceHealth:
    """The overall status, and that of each component."""
    return ResilienceHealth.of(core().monitoring.reporter.report())


@blueprint.get("/status")
@endpoint(
    "viewer",
    operation_id="get_resilience_status",
    answers={200: SystemStatus, 304: None},
    sends={200: ("ETag",), 304: ("ETag",)},
)
def get_resilience_status() -> Any:
    """Everything at a glance: the score with its deductions, components, breakers, bulkheads,
    alerts, the queue, recovery, and what to do next. All of one instant; its `ETag` stays the
    same while no status, breaker, alert, score or count of the queue changes."""
    here, report = core(), core().monitoring.reporter.report()
    response = report_response("status", report, lambda: SystemStatus.of(report))
    response.headers["Cache-Control"] = "no-cache"  # kept, but asked about each time
    response.headers["ETag"] = here.once("status tag", report, lambda: _tag_of(report))
    return response.make_conditional(request)


def _tag_of(report: Report) -> str:
    return f'W/"{hashlib.sha256(_what_matters(report).encode()).hexdigest()[:32]}"'


def _what_matters(report: Report) -> str:
    """What somebody would look at it again for; not ages, times and counters of what goes well."""
    silences = core().monitoring.silences
    queue = next((c.detail for c in report.components if c.name == "queue"), {})
    matters = [
        [[d.name, d.status.value] for d in report.dependencies],
        [[c.name, c.status.value] for c in report.components],
        [[b.name, b.state.value, b.reason, b.totals.openings] for b in report.breakers],
        [
            [a.id, a.state, a.severity, silences.of(a.key) is not None]
            for a in (*report.firing, *report.pending)
        ],
        [report.status.value, report.score.score, report.risk.level, report.risk.suspended],
        [queue.get(state) for state in ("pending", "running", "dead")],
    ]
    return json.dumps(matters)
