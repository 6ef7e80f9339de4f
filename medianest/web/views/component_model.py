"""What is known of components and dependencies, as several endpoints answer it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from medianest.health import ComponentHealth, DependencyHealth, Status
from medianest.health.report import Report
from medianest.resilience import Criticality, DependencyType
from medianest.web.models import (
    AnswerModel,
    LastFailure,
    Seconds,
    Timestamp,
)
from medianest.web.views.component_figures import ComponentFigures, figures_of
from medianest.web.words import BreakerState

__all__ = ["CheckLatency", "Component", "components_of"]

_NOT_CHECKED = ComponentHealth("", "internal", "optional", Status.UNKNOWN, None, None, None)


class CheckLatency(AnswerModel):
    """How long checks took: the last one, and the last hundred."""

    last: Seconds | None
    p50: Seconds | None
    p95: Seconds | None

    @classmethod
    def of(cls, check: ComponentHealth) -> CheckLatency:
        """Of a component."""
        return cls(last=check.latency_seconds, p50=check.latency_p50, p95=check.latency_p95)


class Component(AnswerModel):
    """A component or dependency as it was found last."""

    name: str
    type: Annotated[
        DependencyType | None, Field(description="Of a dependency: what sort of thing it is.")
    ]
    status: Status
    criticality: Criticality
    message: Annotated[str | None, Field(description="What is wrong; null: nothing.")]
    changed_at: Annotated[Timestamp | None, Field(description="When the status changed.")]
    checked_at: Timestamp | None
    age_seconds: Annotated[Seconds | None, Field(description="The time since then.")]
    latency_seconds: CheckLatency
    failures_in_a_row: Annotated[
        int, Field(ge=0, description="How many checks in a row have failed.")
    ]
    hanging_seconds: Annotated[
        Seconds | None,
        Field(description="How long a check that exceeds its timeout has been running."),
    ]
    last_failure: LastFailure | None
    breaker_state: Annotated[
        BreakerState | None,
        Field(description="The state of its circuit breaker; null: it has none."),
    ]
    figures: Annotated[ComponentFigures | None, Field(description="What its check measured.")]

    @classmethod
    def of_check(cls, check: ComponentHealth) -> Component:
        """A component that is no dependency."""
        return cls(
            name=check.name,
            type=None,
            criticality=check.criticality,
            breaker_state=None,
            **_judged(check),
            **_checked(check),
        )

    @classmethod
    def of_dependency(cls, found: DependencyHealth) -> Component:
        """A dependency, with the state of its breaker."""
        return cls(
            name=found.name,
            type=found.dependency.type,
            criticality=found.dependency.criticality,
            breaker_state=None if found.breaker is None else found.breaker.state.value,
            **_judged(found),
            **_checked(found.check or _NOT_CHECKED),
        )


def _judged(found: ComponentHealth | DependencyHealth) -> dict[str, Any]:
    return {"status": found.status, "message": found.message, "changed_at": found.since}


def _checked(check: ComponentHealth) -> dict[str, Any]:
    failure = None
    if check.last_failure_at is not None:
        failure = LastFailure(message=check.last_failure or "", failed_at=check.last_failure_at)
    return {
        "checked_at": check.checked_at,
        "age_seconds": check.age_seconds,
        "latency_seconds": CheckLatency.of(check),
        "failures_in_a_row": check.failures_in_a_row,
        "hanging_seconds": check.hanging_seconds,
        "last_failure": failure,
        "figures": figures_of(check.detail),
    }


def components_of(report: Report) -> tuple[Component, ...]:
    """All of a report: the dependencies first."""
    return (
        *map(Component.of_dependency, report.dependencies),
        *map(Component.of_check, report.components),
    )
