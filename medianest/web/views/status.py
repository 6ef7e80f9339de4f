"""`/api/v1/resilience/health`, `/status` and `/alerts`: how it all is, at one look."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flask import Blueprint, Response, request

from medianest.health.report import Report
from medianest.web.answers.alerts import Alert, Alerts
from medianest.web.answers.status import ResilienceHealth, SystemStatus
from medianest.web.container import container
from medianest.web.endpoint import endpoint

__all__ = ["blueprint"]

blueprint = Blueprint("status", __name__, url_prefix="/api/v1/resilience")


@blueprint.get("/health")
@endpoint("viewer", operation_id="get_resilience_health", answers={200: ResilienceHealth})
def health() -> ResilienceHealth:
    """The status of the whole, and of each component."""
    return ResilienceHealth.of(container().monitoring.reporter.report())


@blueprint.get("/status")
@endpoint(
    "viewer",
    operation_id="get_resilience_status",
    answers={200: SystemStatus, 304: None},
    sends={200: ("ETag",), 304: ("ETag",)},
)
def status() -> Any:
    """Everything at one look: the score with its deductions, components, breakers, bulkheads,
    alerts, the queue, recovery, and what to do next. All of one instant; its `ETag` stays the
    same while no status, breaker, alert, score or count of the queue changes."""
    here, report = container(), container().monitoring.reporter.report()
    body = here.once("status", report, lambda: SystemStatus.of(report).model_dump_json() + "\n")
    response = Response(body, content_type="application/json")
    response.headers["Cache-Control"] = "no-cache"  # kept, but asked about each time
    response.headers["ETag"] = here.once("status tag", report, lambda: _tag_of(report))
    return response.make_conditional(request)


def _tag_of(report: Report) -> str:
    return f'W/"{hashlib.sha256(_what_matters(report).encode()).hexdigest()[:32]}"'


def _what_matters(report: Report) -> str:
    """What somebody would look at it again for; not ages, times and counters of what goes well."""
    queue = next((c.detail for c in report.components if c.name == "queue"), {})
    matters = [
        [[d.name, d.status.value] for d in report.dependencies],
        [[c.name, c.status.value] for c in report.components],
        [[b.name, b.state.value, b.reason, b.totals.openings] for b in report.breakers],
        [[a.id, a.state, a.severity] for a in (*report.firing, *report.pending)],
        [report.status.value, report.score.score, report.risk.level, report.risk.held_back],
        [queue.get(state) for state in ("pending", "running", "dead")],
    ]
    return json.dumps(matters)


@blueprint.get("/alerts")
@endpoint("viewer", operation_id="list_alerts", answers={200: Alerts})
def alerts() -> Alerts:
    """The alerts that fire, those that may, and what was told last by all processes."""
    manager = container().monitoring.alerts
    firing, pending, recent = manager.firing(), manager.pending(), manager.recent()
    return Alerts(
        firing=tuple(map(Alert.of, firing)),
        pending=tuple(map(Alert.of, pending)),
        recent=tuple(map(Alert.of, recent)),
    )
