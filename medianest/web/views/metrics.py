"""`/api/v1/health/metrics` and `/api/v1/resilience/metrics`: figures as JSON."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from medianest.health import traffic
from medianest.health.traffic import Route
from medianest.health.watch import Watch
from medianest.resilience import BulkheadSnapshot, CoalesceSnapshot
from medianest.web.core import core
from medianest.web.endpoint import endpoint
from medianest.web.models import (
    AnswerModel,
    Count,
    IfThere,
    Number,
    Seconds,
    Share,
    Timestamp,
)
from medianest.web.refresh import Anything
from medianest.web.views.breaker_model import Breaker
from medianest.web.views.component_figures import (
    CpuFigures,
    MemoryFigures,
    RecoveryFigures,
    ThreadFigures,
)
from medianest.web.views.queue_figures import QueueFigures

__all__ = [
    "HealthMetrics",
    "PatienceFigures",
    "ResilienceMetrics",
    "RouteFigures",
    "Traffic",
    "blueprint",
    "of_health",
]


class RequestDurations(AnswerModel):
    """How long requests took; null while there are none."""

    mean: Seconds | None
    p50: Seconds | None
    p95: Seconds | None
    p99: Seconds | None
    max: Seconds | None


class RequestFigures(AnswerModel):
    """Requests over a time."""

    requests: Count
    errors: Annotated[int, Field(ge=0, description="Answered with 500 or above.")]
    requests_per_second: Number
    error_rate: Share | None
    duration_seconds: RequestDurations

    @classmethod
    def of(cls, figures: traffic.Figures) -> RequestFigures:
        """As they were counted."""
        return cls(
            requests=figures.requests,
            errors=figures.errors,
            requests_per_second=figures.requests_per_second,
            error_rate=figures.error_rate,
            duration_seconds=RequestDurations.model_validate(figures),
        )


class RouteFigures(AnswerModel):
    """The requests of one route."""

    method: str
    route: str
    last_minute: RequestFigures
    since_start: RequestFigures
    statuses: Annotated[dict[str, int], Field(description="How many answers had each status.")]


class Traffic(AnswerModel):
    """Requests of some routes together."""

    last_minute: RequestFigures
    since_start: RequestFigures


class HealthMetrics(AnswerModel):
    """The traffic of this host, and the resources that the process that answers uses."""

    generated_at: Timestamp
    uptime_seconds: Seconds
    in_flight: Count
    last_minute: RequestFigures
    since_start: RequestFigures
    users: Annotated[Traffic, Field(description="Requests that serve people.")]
    others: Annotated[
        Traffic, Field(description="Probes, requests of operators, and unknown paths.")
    ]
    routes: tuple[RouteFigures, ...]
    memory: MemoryFigures
    cpu: CpuFigures | None
    threads: IfThere[ThreadFigures]


class PatienceFigures(AnswerModel):
    """How often callers have left a call for the last good answer."""

    name: str
    patience_seconds: Annotated[Seconds, Field(validation_alias="seconds")]
    used: Count


class RetryFigures(AnswerModel):
    """The retries of calls to one service, and its budget."""

    name: str
    calls: Count
    retries: Count
    denied: Annotated[int, Field(ge=0, description="Retries that the budget did not allow.")]
    left: Annotated[int, Field(ge=0, description="How many retries the budget allows now.")]
    recovered: Annotated[int, Field(ge=0, description="Calls that succeeded after a retry.")]


class FallbackFigures(AnswerModel):
    """How often a fallback has answered in the place of a failed call."""

    name: str
    source: Annotated[str, Field(description="What answered: `last-good` or `fallback`.")]
    served: Count


class ResilienceMetrics(AnswerModel):
    """Figures of all pipelines."""

    generated_at: Timestamp
    circuit_breakers: tuple[Breaker, ...]
    bulkheads: tuple[BulkheadSnapshot, ...]
    coalescing: tuple[CoalesceSnapshot, ...]
    patience: tuple[PatienceFigures, ...]
    retries: tuple[RetryFigures, ...]
    fallbacks: tuple[FallbackFigures, ...]
    recovery: Annotated[dict[str, RecoveryFigures], Field(description="By action.")]
    queue: IfThere[QueueFigures]


blueprint = Blueprint("metrics", __name__, url_prefix="/api/v1/resilience")
of_health = Blueprint("health_metrics", __name__, url_prefix="/api/v1/health")


@of_health.get("/metrics")
@endpoint("viewer", operation_id="get_health_metrics", query=Anything, answers={200: HealthMetrics})
def get_health_metrics() -> HealthMetrics:
    """What is asked of this host, by route and in all, over the last minute and since its start,
    and of that what people asked for; and what the process that answers takes."""
    here, watch, seen = core(), core().monitoring, core().traffic()
    minute, ever = seen.figures()
    cpu = watch.monitor.component("cpu").detail
    return HealthMetrics(
        generated_at=here.registry.clock.utc(),
        uptime_seconds=here.uptime,
        in_flight=seen.in_flight,
        last_minute=RequestFigures.of(minute),
        since_start=RequestFigures.of(ever),
        users=_traffic(seen, watch.routes, of_users=True),
        others=_traffic(seen, watch.routes, of_users=False),
        routes=tuple(_route(seen, route) for route in seen.routes()),
        memory=MemoryFigures.model_validate(watch.system.memory()),
        cpu=CpuFigures.model_validate(dict(cpu)) if cpu else None,
        threads=_threads(watch, here.threads),
    )


def _traffic(seen: traffic.Traffic, known: traffic.Routes, *, of_users: bool) -> Traffic:
    routes = [each for each in seen.routes() if known.serves_people(each) is of_users]
    minute, ever = seen.figures(routes)
    return Traffic(last_minute=RequestFigures.of(minute), since_start=RequestFigures.of(ever))


def _route(seen: traffic.Traffic, route: Route) -> RouteFigures:
    minute, ever = seen.figures([route])
    _, _, statuses = route.histogram()
    return RouteFigures(
        method=route.method,
        route=route.route,
        last_minute=RequestFigures.of(minute),
        since_start=RequestFigures.of(ever),
        statuses={str(status): number for status, number in sorted(statuses.items())},
    )


def _threads(watch: Watch, threads: int | None) -> ThreadFigures | None:
    if threads is None:
        return None
    if watch.places is None:
        return ThreadFigures(threads=threads)
    seen = watch.places.snapshot()
    return ThreadFigures(
        threads=threads,
        limit=seen.max_concurrent,
        in_use=seen.in_use,
        peak=seen.peak,
        shed=seen.rejected,
    )


@blueprint.get("/metrics")
@endpoint("viewer", operation_id="get_resilience_metrics", answers={200: ResilienceMetrics})
def get_resilience_metrics() -> ResilienceMetrics:
    """Figures of all pipelines: breakers, bulkheads, shared calls, retries and their
    budgets, fallbacks that answered, recovery by action, and the queue."""
    report, watch = core().monitoring.reporter.report(), core().monitoring
    helped = watch.counters.recovered()
    retries = [
        RetryFigures(name=name, recovered=helped.get(name, 0), **_whole(budget.snapshot()))
        for name, budget in core().registry.budgets().items()
    ]
    fallbacks = [
        FallbackFigures(name=name, source=source, served=number)
        for (name, source), number in watch.counters.fallbacks().items()
    ]
    return ResilienceMetrics(
        generated_at=report.at,
        circuit_breakers=tuple(map(Breaker.of, report.breakers)),
        bulkheads=report.bulkheads,
        coalescing=report.flights,
        patience=tuple(map(PatienceFigures.model_validate, report.patiences)),
        retries=tuple(retries),
        fallbacks=tuple(fallbacks),
        recovery=RecoveryFigures.by_action(report.recovery),
        queue=QueueFigures.of(report.components),
    )


def _whole(figures: dict[str, float]) -> dict[str, Any]:
    return {name: int(value) for name, value in figures.items()}
