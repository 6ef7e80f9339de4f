"""`/api/v1/health/metrics` and `/api/v1/resilience/metrics`: figures as JSON."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from medianest.health.traffic import Route
from medianest.monitoring.monitoring import Monitoring
from medianest.web.answers.figures import CpuFigures, MemoryFigures, RecoveryFigures, ThreadFigures
from medianest.web.answers.metrics import (
    BreakerFigures,
    BulkheadFigures,
    CoalesceFigures,
    FallbackFigures,
    Figures,
    HealthMetrics,
    PatienceFigures,
    QueueNow,
    ResilienceMetrics,
    RetryFigures,
    RouteFigures,
    Traffic,
)
from medianest.web.container import container
from medianest.web.endpoint import endpoint
from medianest.web.refresh import Anything

__all__ = ["blueprint"]

blueprint = Blueprint("metrics", __name__, url_prefix="/api/v1")


@blueprint.get("/health/metrics")
@endpoint("viewer", operation_id="get_health_metrics", query=Anything, answers={200: HealthMetrics})
def health_metrics() -> HealthMetrics:
    """What this process does, by route and in all, over the last minute and since its start, and
    of that what people asked for; and what it takes."""
    here, watch = container(), container().monitoring
    minute, ever = watch.traffic.figures()
    cpu = watch.monitor.component("cpu").detail
    return HealthMetrics(
        at=here.registry.clock.utc(),
        uptime_seconds=here.uptime,
        in_flight=watch.traffic.in_flight,
        last_minute=Figures.model_validate(minute),
        since_start=Figures.model_validate(ever),
        users=_traffic(watch, of_users=True),
        others=_traffic(watch, of_users=False),
        routes=tuple(_route(watch, route) for route in watch.traffic.routes()),
        memory=MemoryFigures.model_validate(watch.system.memory()),
        cpu=CpuFigures.model_validate(dict(cpu)) if cpu else None,
        threads=_threads(watch, here.settings.threads),
    )


def _traffic(watch: Monitoring, *, of_users: bool) -> Traffic:
    routes = [
        each
        for each in watch.traffic.routes()
        if (watch.routes.services_of(each) is not None) is of_users
    ]
    minute, ever = watch.traffic.figures(routes)
    return Traffic(
        last_minute=Figures.model_validate(minute), since_start=Figures.model_validate(ever)
    )


def _route(watch: Monitoring, route: Route) -> RouteFigures:
    minute, ever = watch.traffic.figures([route])
    _, _, statuses = route.histogram()
    return RouteFigures(
        method=route.method,
        route=route.route,
        last_minute=Figures.model_validate(minute),
        since_start=Figures.model_validate(ever),
        statuses={str(status): number for status, number in sorted(statuses.items())},
    )


def _threads(watch: Monitoring, threads: int) -> ThreadFigures:
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


@blueprint.get("/resilience/metrics")
@endpoint("viewer", operation_id="get_resilience_metrics", answers={200: ResilienceMetrics})
def resilience_metrics() -> ResilienceMetrics:
    """Everything that the pipelines know: breakers, bulkheads, shared calls, retries and their
    budgets, fallbacks that answered, recovery by action, and the queue."""
    report, watch = container().monitoring.reporter.report(), container().monitoring
    helped = watch.counters.recovered()
    retries = [
        RetryFigures(name=name, recovered=helped.get(name, 0), **_whole(budget.snapshot()))
        for name, budget in container().registry.budgets().items()
    ]
    fallbacks = [
        FallbackFigures(name=name, source=source, served=number)
        for (name, source), number in watch.counters.fallbacks().items()
    ]
    return ResilienceMetrics(
        at=report.at,
        circuit_breakers=tuple(map(BreakerFigures.of, report.breakers)),
        bulkheads=tuple(map(BulkheadFigures.model_validate, report.bulkheads)),
        coalescing=tuple(map(CoalesceFigures.model_validate, report.flights)),
        patience=tuple(map(PatienceFigures.model_validate, report.patiences)),
        retries=tuple(retries),
        fallbacks=tuple(fallbacks),
        recovery=RecoveryFigures.by_action(report.recovery),
        queue=QueueNow.of(report.components),
    )


def _whole(figures: dict[str, float]) -> dict[str, Any]:
    return {name: int(value) for name, value in figures.items()}
