"""What `/api/v1/resilience/health` and `/status` answer."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from medianest.health import Status
from medianest.health.report import Report
from medianest.resilience import Criticality
from medianest.web.answers.alerts import Alert
from medianest.web.answers.base import AnswerModel, Timestamp
from medianest.web.answers.components import Component
from medianest.web.answers.figures import RecoveryFigures
from medianest.web.answers.metrics import BreakerFigures, BulkheadFigures, QueueNow
from medianest.web.answers.score import Score
from medianest.web.words import BreakerState, RiskLevel

__all__ = ["ResilienceHealth", "SystemStatus"]


class Line(AnswerModel):
    """How one component is, in one line."""

    name: str
    status: Status
    criticality: Criticality
    message: Annotated[str | None, Field(description="Why it is not well.")]
    circuit_breaker: BreakerState | None


class ResilienceHealth(AnswerModel):
    """The status of the whole, and of each component."""

    at: Timestamp
    status: Status
    components: tuple[Line, ...]

    @classmethod
    def of(cls, report: Report) -> ResilienceHealth:
        """Of a report."""
        lines = [
            Line(
                name=each.name,
                status=each.status,
                criticality=each.criticality,
                message=each.message,
                circuit_breaker=each.circuit_breaker,
            )
            for each in _components(report)
        ]
        return cls(at=report.at, status=report.status, components=tuple(lines))


class Risk(AnswerModel):
    """How likely it is that trouble spreads; /cascade-risk has it in detail."""

    risk: RiskLevel
    score: Annotated[float, Field(ge=0, le=100)]
    held_back: tuple[str, ...]


class SystemStatus(AnswerModel):
    """Everything at one look, of one instant."""

    at: Timestamp
    status: Status
    score: Score
    components: tuple[Component, ...]
    circuit_breakers: tuple[BreakerFigures, ...]
    bulkheads: tuple[BulkheadFigures, ...]
    alerts: Annotated[tuple[Alert, ...], Field(description="Those that fire.")]
    pending_alerts: tuple[Alert, ...]
    queue: QueueNow
    recovery: Annotated[dict[str, RecoveryFigures], Field(description="By action.")]
    cascade: Risk
    recommendations: Annotated[
        tuple[str, ...], Field(description="What to do next, the most urgent first.")
    ]

    @classmethod
    def of(cls, report: Report) -> SystemStatus:
        """Of a report."""
        risk: Any = report.risk.level.name.lower()
        return cls(
            at=report.at,
            status=report.status,
            score=Score.model_validate(report.score),
            components=_components(report),
            circuit_breakers=tuple(map(BreakerFigures.of, report.breakers)),
            bulkheads=tuple(map(BulkheadFigures.model_validate, report.bulkheads)),
            alerts=tuple(map(Alert.of, report.firing)),
            pending_alerts=tuple(map(Alert.of, report.pending)),
            queue=QueueNow.of(report.components),
            recovery=RecoveryFigures.by_action(report.recovery),
            cascade=Risk(risk=risk, score=report.risk.score, held_back=report.risk.held_back),
            recommendations=report.recommendations,
        )


def _components(report: Report) -> tuple[Component, ...]:
    return (
        *map(Component.of_dependency, report.dependencies),
        *map(Component.of_check, report.components),
    )
