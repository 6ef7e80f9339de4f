"""`/api/v1/resilience/series`: how calls and requests went over the last hour or day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from medianest.health.ring import Step
from medianest.health.series import WINDOWS, WindowName
from medianest.web.core import core
from medianest.web.endpoint import endpoint
from medianest.web.models import AnswerModel, Count, Seconds, Timestamp
from medianest.web.parameters import SeriesFilter, meant

__all__ = ["blueprint"]

blueprint = Blueprint("series", __name__, url_prefix="/api/v1/resilience")

Counts = tuple[Count | None, ...]
Durations = tuple[Seconds | None, ...]


class CallSeries(AnswerModel):
    """The calls of a dependency, one figure for each step, oldest first; null: nothing is known, or
    there was no call."""

    calls: Counts
    failures: Annotated[
        Counts,
        Field(description="That its circuit breaker counted, or those of its operations."),
    ]
    p50_seconds: Annotated[
        Durations,
        Field(description="Of what the breaker remembered at the end of the step."),
    ]
    p95_seconds: Durations

    @classmethod
    def of(cls, steps: Sequence[Step | None]) -> CallSeries:
        """As the series has them."""
        return cls(**_columns(steps, "calls", "failures"))


class RequestSeries(AnswerModel):
    """The requests of a route, one figure for each step, oldest first; null: nothing is known, or
    there was no request."""

    requests: Counts
    errors: Annotated[Counts, Field(description="Answered with 500 or above.")]
    p50_seconds: Durations
    p95_seconds: Durations

    @classmethod
    def of(cls, steps: Sequence[Step | None]) -> RequestSeries:
        """As the series has them."""
        return cls(**_columns(steps, "requests", "errors"))


class FigureSeries(AnswerModel):
    """How calls and requests went, in steps that are over."""

    window: WindowName
    step_seconds: Seconds
    end_at: Annotated[Timestamp, Field(description="The end of the last step.")]
    dependencies: dict[str, CallSeries]
    routes: Annotated[
        dict[str, RequestSeries],
        Field(description="Those on which people are served: no probes, and nobody who looks."),
    ]


@blueprint.get("/series")
@endpoint("viewer", operation_id="get_series", query=SeriesFilter, answers={200: FigureSeries})
def get_series(query: SeriesFilter) -> FigureSeries:
    """How the calls of this process to each dependency went, and its requests by route."""
    here, series = core(), core().monitoring.series
    name = query.name
    if name is not None:
        name = meant(name, [each.name for each in here.registry.dependencies()])
    calls = series.dependencies(query.window, name)
    requests = series.routes(query.window, name)
    return FigureSeries(
        window=query.window,
        step_seconds=WINDOWS[query.window].step_seconds,
        end_at=series.end_at(query.window),
        dependencies={name: CallSeries.of(steps) for name, steps in calls.items()},
        routes={name: RequestSeries.of(steps) for name, steps in requests.items()},
    )


def _columns(steps: Sequence[Step | None], number: str, failed: str) -> dict[str, Any]:
    return {
        number: tuple(None if step is None else step.number for step in steps),
        failed: tuple(None if step is None else step.failed for step in steps),
        "p50_seconds": tuple(None if step is None else step.p50 for step in steps),
        "p95_seconds": tuple(None if step is None else step.p95 for step in steps),
    }
