"""What is known of components and dependencies, as several endpoints answer it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from medianest.health import ComponentHealth, DependencyHealth, Status
from medianest.health.report import Report
from medianest.resilience import Criticality
from medianest.web.models import (
    AnswerModel,
    LastFailure,
    Seconds,
    Timestamp,
)
from medianest.web.views.component_figures import ComponentFigures, figures_of
from medianest.web.words import BreakerState

__all__ = ["Component", "Latency", "components_of"]

_NOT_CHECKED = ComponentHealth("", "internal", "optional", Status.UNKNOWN, None, None, None)


class Latency(AnswerModel):
    """How long checks took: the last one, and the last hundred."""

    last: Seconds | None
    p50: Seconds | None
    p95: Seconds | None

    @classmethod
    def of(cls, check: ComponentHealth) -> Latency:
        """Of a component."""
        return cls(last=check.latency_seconds, p50=check.latency_p50, p95=check.latency_p95)


class Component(AnswerModel):
    """A component or dependency as it was found last."""

    name: str
    status: Status
    criticality: Criticality
    message: Annotated[str | None, Field(description="What is wrong; null: nothing.")]
    changed_at: Annotated[Timestamp | None, Field(description="When the status changed.")]
    checked_at: Timestamp | None
    age_seconds: Annotated[Seconds | None, Field(description="The time since then.")]
    latency_seconds: Latency
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
        return cls._of(check.name, check.criticality, check, check)

    @classmethod
    def of_dependency(cls, found: DependencyHealth) -> Component:
        """A dependency, with what its breaker says."""
        state: Any = found.breaker.state.value if found.breaker is not None else None
        criticality, check = found.dependency.criticality, found.check or _NOT_CHECKED
        return cls._of(found.name, criticality, found, check, state)

    @classmethod
    def _of(
        cls,
        name: str,
        criticality: Criticality,
        judged: ComponentHealth | DependencyHealth,
        check: ComponentHealth,
        breaker: BreakerState | None = None,
    ) -> Component:
        failure = None
        if check.last_failure_at is not None:
            failure = LastFailure(message=check.last_failure or "", failed_at=check.last_failure_at)
        return cls(
            name=name,
            status=judged.status,
            criticality=criticality,
            message=judged.message,
            changed_at=judged.since,
            checked_at=check.checked_at,
            age_seconds=check.age_seconds,
            latency_seconds=Latency.of(check),
            failures_in_a_row=check.failures_in_a_row,
            hanging_seconds=check.hanging_seconds,
            last_failure=failure,
            breaker_state=breaker,
            figures=figures_of(check.detail),
        )


def components_of(report: Report) -> tuple[Component, ...]:
    """All of a report: the dependencies first."""
    return (
        *map(Component.of_dependency, report.dependencies),
        *map(Component.of_check, report.components),
    )
