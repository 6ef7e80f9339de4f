"""Everything that this process knows as metric families of Prometheus, read when it is scraped.

Those of the library are in medianest.metrics. Labels are names of parts, routes, methods and
statuses: as many as there are of those, and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client.core import (
    CounterMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from medianest import __version__, metrics
from medianest.health import Status
from medianest.health.report import Report
from medianest.health.thresholds import Severity
from medianest.health.traffic import Traffic
from medianest.metrics import Gauge, Rule, gauge
from medianest.web.core import Core

__all__ = ["Metrics"]


class Metrics(Collector):
    """Collects the figures of the parts of one app."""

    def __init__(self, parts: Core) -> None:
        self._parts = parts

    def describe(self) -> Iterable[Metric]:
        """Nothing: they are known when they are collected."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families."""
        parts, watch = self._parts, self._parts.monitoring
        report = watch.reporter.report()
        version = {"version": __version__}
        yield gauge("medianest_info", "The version that runs.", Rule.MAX, 1, version)
        yield gauge("medianest_uptime_seconds", "Since it began to serve.", Rule.EACH, parts.uptime)
        yield from _health(report)
        yield from _requests(watch.traffic)
        yield from metrics.breakers(report.breakers)
        yield from metrics.bulkheads(report.bulkheads)
        yield from metrics.flights(report.flights, report.patiences)
        yield from metrics.retries(parts.registry.budgets(), watch.counters)
        yield from metrics.recoveries(report.recovery)
        yield from _alerts(report)
        yield from parts.families()


def _health(report: Report) -> Iterator[Metric]:
    yield gauge("medianest_health_score", "0 to 100.", Rule.MIN, report.score.score)
    whole = Gauge(
        "medianest_health_status",
        "1 for the status that the whole has.",
        Rule.WORST,
        labels=("status",),
        order=metrics.STATUSES,
    )
    for status in Status:
        whole.add_metric((status.value,), float(report.status is status))
    yield whole
    yield from metrics.health(report.dependencies, report.components)
    yield from _system(report)


def _system(report: Report) -> Iterator[Metric]:
    figures = {component.name: component.detail for component in report.components}
    memory, queue = figures.get("memory", {}), figures.get("queue", {})
    if "used_bytes" in memory:
        yield gauge(
            "medianest_memory_used_bytes",
            "In use, of the container or machine.",
            Rule.MAX,
            memory["used_bytes"],
        )
        limit = memory["limit_bytes"]
        yield gauge("medianest_memory_limit_bytes", "Allowed.", Rule.MAX, limit)
    share = figures.get("cpu", {}).get("share")
    if share is not None:
        yield gauge(
            "medianest_cpu_share",
            "In use of the processors allowed to the container or machine.",
            Rule.MAX,
            share,
        )
    if "pending" in queue:
        depth = Gauge(
            "medianest_queue_operations", "Deferred operations.", Rule.ELECTED, labels=("state",)
        )
        for state in ("pending", "running", "dead"):
            depth.add_metric((state,), queue[state])
        yield depth
        yield gauge(
            "medianest_queue_oldest_age_seconds",
            "Since the oldest that is not done was made; 0: there is none.",
            Rule.ELECTED,
            _age(queue["oldest"], report.at),
        )


def _age(made_at: str | None, now: datetime) -> float:
    if made_at is None:
        return 0.0
    return max(0.0, (now - datetime.fromisoformat(made_at)).total_seconds())


def _requests(traffic: Traffic) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "medianest_http_server_requests",
        "Requests that were answered.",
        labels=("method", "route", "status"),
    )
    durations = HistogramMetricFamily(
        "medianest_http_server_request_duration_seconds",
        "How long they took.",
        labels=("method", "route"),
    )
    for route in traffic.routes():
        counts, seconds, statuses = route.histogram()
        for status, number in statuses.items():
            requests.add_metric((route.method, route.route, str(status)), number)
        durations.add_metric((route.method, route.route), metrics.buckets(counts), seconds)
    yield from (requests, durations)
    in_flight = float(traffic.in_flight)
    yield gauge("medianest_http_server_active_requests", "Being answered now.", Rule.SUM, in_flight)


def _alerts(report: Report) -> Iterator[Metric]:
    firing = Gauge("medianest_alerts_firing", "Alerts that fire.", Rule.MAX, labels=("severity",))
    for severity in Severity:
        number = sum(alert.severity is severity for alert in report.firing)
        firing.add_metric((severity.name.lower(),), number)
    yield firing
