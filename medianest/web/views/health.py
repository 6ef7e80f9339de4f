"""`/api/v1/health`: how this server is, for probes and for people."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from flask import Blueprint, Response
from pydantic import Field

from medianest import __version__
from medianest.health import ComponentHealth, Status
from medianest.health.report import Report
from medianest.health.score import Score
from medianest.resilience import CircuitBreaker, State
from medianest.web.core import Core, core
from medianest.web.endpoint import endpoint
from medianest.web.models import (
    AnswerModel,
    Seconds,
    Timestamp,
    by_name,
)
from medianest.web.refresh import Anything, Look, refreshed, report_response, served
from medianest.web.views.alerts import Alert
from medianest.web.views.breaker_model import Breaker
from medianest.web.views.component_figures import StateCounts
from medianest.web.views.component_model import Component, components_of
from medianest.web.words import Environment, ReadinessStatus

__all__ = ["blueprint"]


class Health(AnswerModel):
    """The overall status."""

    status: Status
    version: str
    environment: Environment
    uptime_seconds: Seconds
    checked_at: Annotated[Timestamp, Field(description="When something was checked last.")]


class Liveness(AnswerModel):
    """This process answers."""

    status: Literal["alive"] = "alive"


class Readiness(AnswerModel):
    """Whether to send requests here, and why not."""

    status: ReadinessStatus
    reasons: tuple[str, ...]


class ComprehensiveHealth(AnswerModel):
    """Every component, the score and the alerts."""

    generated_at: Timestamp
    status: Status
    score: Score
    components: tuple[Component, ...]
    by_name: Annotated[dict[str, Component], Field(description="The same, by name.")]
    alerts: Annotated[tuple[Alert, ...], Field(description="Those that fire.")]
    not_configured: Annotated[
        tuple[str, ...], Field(description="Missing settings, and what is off without them.")
    ]


class BreakerHealth(AnswerModel):
    """Every circuit breaker of this process, and how many are in which state."""

    counts: StateCounts
    circuit_breakers: tuple[Breaker, ...]


blueprint = Blueprint("health", __name__, url_prefix="/api/v1/health")

_REFUSING = (State.OPEN, State.FORCED_OPEN)


@blueprint.get("", strict_slashes=False)
@endpoint(
    operation_id="get_health",
    query=Look,
    answers={200: Health, 503: Health},
    sends={503: ("Retry-After",)},
    problems=("unauthorized", "forbidden"),
)
def get_health(query: Look) -> tuple[Health, int, dict[str, str]]:
    """The overall status, and nothing that an outsider should not know."""
    refreshed(query)
    here, report = core(), core().monitoring.reporter.report()
    answer = Health(
        status=report.status,
        version=__version__,
        environment=here.environment,
        uptime_seconds=here.uptime,
        checked_at=max(filter(None, (c.checked_at for c in _checks(report))), default=report.at),
    )
    return answer, *served(report.status is not Status.UNHEALTHY)


def _checks(report: Report) -> list[ComponentHealth]:
    found = [d.check for d in report.dependencies if d.check is not None]
    return [*found, *report.components]


@blueprint.get("/live")
@endpoint(operation_id="get_liveness", query=Anything, answers={200: Liveness})
def get_liveness() -> Liveness:
    """Whether this process answers. It asks no dependency."""
    return Liveness()


@blueprint.get("/ready")
@endpoint(
    operation_id="get_readiness",
    query=Anything,
    answers={200: Readiness, 503: Readiness},
    sends={503: ("Retry-After",)},
)
def get_readiness() -> tuple[Readiness, int, dict[str, str]]:
    """Whether to send requests here."""
    here = core()
    reasons = ["draining"] if here.lifecycle.draining else []
    reasons += here.unready()
    reasons += [
        f"the critical dependency {found.name} is unhealthy"
        for found in here.monitoring.reporter.report().dependencies
        if found.dependency.criticality == "critical" and found.status is Status.UNHEALTHY
    ]
    answer = Readiness(status="not_ready" if reasons else "ready", reasons=tuple(reasons))
    return answer, *served(not reasons)


@blueprint.get("/comprehensive")
@endpoint(
    "viewer",
    operation_id="get_comprehensive_health",
    query=Look,
    answers={200: ComprehensiveHealth},
)
def get_comprehensive_health(query: Look) -> Response:
    """Every component, the score with its deductions, and the alerts that fire."""
    refreshed(query)
    here, report = core(), core().monitoring.reporter.report()
    return report_response("comprehensive", report, lambda: _all_of(report, here))


def _all_of(report: Report, here: Core) -> ComprehensiveHealth:
    components = components_of(report)
    return ComprehensiveHealth(
        generated_at=report.at,
        status=report.status,
        score=report.score,
        components=components,
        by_name=by_name(components),
        alerts=tuple(map(Alert.of, report.firing)),
        not_configured=here.not_configured(),
    )


@blueprint.get("/circuit-breakers")
@endpoint(
    "viewer",
    operation_id="get_circuit_breaker_health",
    query=Anything,
    answers={200: BreakerHealth, 503: BreakerHealth},
    sends={503: ("Retry-After",)},
)
def get_circuit_breaker_health() -> tuple[BreakerHealth, int, dict[str, str]]:
    """How many breakers are in which state, and each of them; 503 when one of a critical
    dependency is open."""
    registry = core().registry
    seen = [breaker.snapshot() for breaker in registry.breakers()]
    states = Counter(each.state for each in seen)
    counts = StateCounts.model_validate({state.value: states[state] for state in State})
    answer = BreakerHealth(counts=counts, circuit_breakers=tuple(map(Breaker.of, seen)))
    critical = [d for d in registry.dependencies() if d.criticality == "critical"]
    breakers = [dependency.pipeline.find(CircuitBreaker) for dependency in critical]
    cut_off = any(breaker is not None and breaker.state in _REFUSING for breaker in breakers)
    return answer, *served(not cut_off)
