"""Everything that this process knows as metric families of Prometheus, read when it is scraped.

Names are those of Resilience4j's and OpenTelemetry's exporters behind our own prefix. Labels are
names of parts, routes, methods and statuses: as many as there are of those, and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from medianest import __version__
from medianest.health import Status
from medianest.health.report import Report
from medianest.health.thresholds import Severity
from medianest.health.traffic import BOUNDS, Traffic
from medianest.media.left_out import LEFT_OUT
from medianest.resilience import State
from medianest.web.parts import Parts

__all__ = ["Families"]

_KINDS = {"successes": "successful", "failures": "failed", "slow": "slow",
          "ignored": "ignored", "unexpected": "unexpected"}  # fmt: skip
_STEPS = ("returned", "run_again", "shared", "raised", "declined", "held_back")


class Families(Collector):
    """Collects the figures of the parts of one app."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def describe(self) -> Iterable[Metric]:
        """Nothing: they are known when they are collected."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families."""
        parts, watch = self._parts, self._parts.watch
        report = watch.reporter.report()
        yield _gauge("medianest_info", "The version that runs.", {"version": __version__}, 1)
        yield _gauge("medianest_uptime_seconds", "Since it began to serve.", {}, parts.uptime)
        yield from _health(report)
        yield from _requests(watch.traffic)
        yield from _breakers(report)
        yield from _bulkheads(report)
        yield from _flights(report)
        yield from self._retries()
        yield from _recovery(report)
        yield from _alerts(report)
        yield _left_out()

    def _retries(self) -> Iterator[Metric]:
        watch, budgets = self._parts.watch, self._parts.registry.budgets()
        calls = CounterMetricFamily(
            "medianest_retry_calls",
            "Calls that may be retried, and retries.",
            labels=("name", "kind"),
        )
        left = GaugeMetricFamily(
            "medianest_retry_budget", "Retries that can be made now.", labels=("name",)
        )
        for name, budget in budgets.items():
            figures = budget.snapshot()
            calls.add_metric((name, "first_attempt"), figures["calls"])
            calls.add_metric((name, "retry"), figures["retries"])
            calls.add_metric((name, "denied"), figures["denied"])
            left.add_metric((name,), figures["left"])
        for name, number in watch.counters.recovered().items():
            calls.add_metric((name, "successful_with_retry"), number)
        served = CounterMetricFamily(
            "medianest_fallback_served", "Fallbacks that answered.", labels=("name", "source")
        )
        for key, number in watch.counters.fallbacks().items():
            served.add_metric(key, number)
        yield from (calls, left, served)


def _health(report: Report) -> Iterator[Metric]:
    yield _gauge("medianest_health_score", "0 to 100.", {}, report.score.score)
    whole = GaugeMetricFamily(
        "medianest_health_status", "1 for the status that the whole has.", labels=("status",)
    )
    for status in Status:
        whole.add_metric((status.value,), float(report.status is status))
    up = GaugeMetricFamily(
        "medianest_component_status",
        "1 for the status that a component has.",
        labels=("component", "criticality", "status"),
    )
    age = GaugeMetricFamily(
        "medianest_component_check_age_seconds", "Since its last check.", labels=("component",)
    )
    took = GaugeMetricFamily(
        "medianest_component_check_seconds", "How long that took.", labels=("component",)
    )
    rows = [(d.name, d.dependency.criticality, d.status, d.check) for d in report.dependencies]
    rows += [(c.name, c.criticality, c.status, c) for c in report.components]
    for name, criticality, status, check in rows:
        for each in Status:
            up.add_metric((name, criticality, each.value), float(status is each))
        if check is not None and check.age_seconds is not None:
            age.add_metric((name,), check.age_seconds)
        if check is not None and check.latency_seconds is not None:
            took.add_metric((name,), check.latency_seconds)
    yield from (whole, up, age, took)
    yield from _system(report)


def _system(report: Report) -> Iterator[Metric]:
    figures = {component.name: component.detail for component in report.components}
    memory, queue = figures.get("memory", {}), figures.get("queue", {})
    if "used_bytes" in memory:
        yield _gauge("medianest_memory_used_bytes", "In use.", {}, memory["used_bytes"])
        yield _gauge("medianest_memory_limit_bytes", "Allowed.", {}, memory["limit_bytes"])
    share = figures.get("cpu", {}).get("share")
    if share is not None:
        yield _gauge("medianest_cpu_share", "Of the processors allowed, 0 to 1.", {}, share)
    if "pending" in queue:
        depth = GaugeMetricFamily(
            "medianest_queue_operations", "Deferred operations.", labels=("state",)
        )
        for state in ("pending", "running", "dead"):
            depth.add_metric((state,), queue[state])
        yield depth


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
        passed, buckets = 0, []
        for bound, number in zip((*BOUNDS, float("inf")), counts, strict=True):
            passed += number
            buckets.append(("+Inf" if bound == float("inf") else str(bound), float(passed)))
        durations.add_metric((route.method, route.route), buckets, seconds)
    yield from (requests, durations)
    in_flight = float(traffic.in_flight)
    yield _gauge("medianest_http_server_active_requests", "Being answered now.", {}, in_flight)


def _breakers(report: Report) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "medianest_circuitbreaker_state", "1 for the state it is in.", labels=("name", "state")
    )
    calls = CounterMetricFamily(
        "medianest_circuitbreaker_calls",
        "Finished calls; slow ones are counted as what they are, too.",
        labels=("name", "kind"),
    )
    refused = CounterMetricFamily(
        "medianest_circuitbreaker_not_permitted_calls", "Refused calls.", labels=("name",)
    )
    opened = CounterMetricFamily(
        "medianest_circuitbreaker_openings", "How often it opened.", labels=("name",)
    )
    failing = GaugeMetricFamily(
        "medianest_circuitbreaker_failure_rate", "0 to 1, of its window.", labels=("name",)
    )
    flying = GaugeMetricFamily(
        "medianest_circuitbreaker_in_flight_calls", "Calls that go on now.", labels=("name",)
    )
    for seen in report.breakers:
        for each in State:
            state.add_metric((seen.name, each.value), float(seen.state is each))
        for field, kind in _KINDS.items():
            calls.add_metric((seen.name, kind), getattr(seen.totals, field))
        refused.add_metric((seen.name,), seen.totals.rejected)
        opened.add_metric((seen.name,), seen.totals.openings)
        flying.add_metric((seen.name,), seen.in_flight)
        if seen.failure_rate is not None:
            failing.add_metric((seen.name,), seen.failure_rate)
    yield from (state, calls, refused, opened, failing, flying)


def _bulkheads(report: Report) -> Iterator[Metric]:
    free = GaugeMetricFamily(
        "medianest_bulkhead_available_concurrent_calls", "Free places.", labels=("name",)
    )
    most = GaugeMetricFamily(
        "medianest_bulkhead_max_allowed_concurrent_calls", "Places.", labels=("name",)
    )
    waiting = GaugeMetricFamily(
        "medianest_bulkhead_waiting_calls", "Calls that wait for a place.", labels=("name",)
    )
    refused = CounterMetricFamily(
        "medianest_bulkhead_not_permitted_calls", "Calls without a place.", labels=("name",)
    )
    for seen in report.bulkheads:
        free.add_metric((seen.name,), seen.max_concurrent - seen.in_use)
        most.add_metric((seen.name,), seen.max_concurrent)
        waiting.add_metric((seen.name,), seen.waiting)
        refused.add_metric((seen.name,), seen.rejected)
    yield from (free, most, waiting, refused)


def _flights(report: Report) -> Iterator[Metric]:
    flying = GaugeMetricFamily(
        "medianest_coalesce_in_flight_calls", "Flights under way now.", labels=("name",)
    )
    calls = CounterMetricFamily(
        "medianest_coalesce_calls",
        "Flights, calls that shared one, and calls that had no thread for one.",
        labels=("name", "kind"),
    )
    used = CounterMetricFamily(
        "medianest_patience_used",
        "Calls that were left for the last good answer.",
        labels=("name",),
    )
    for seen in report.flights:
        flying.add_metric((seen.name,), seen.in_flight)
        calls.add_metric((seen.name, "flight"), seen.flights)
        calls.add_metric((seen.name, "shared"), seen.shared)
        calls.add_metric((seen.name, "rejected"), seen.rejected)
    for patience in report.patiences:
        used.add_metric((patience.name,), patience.used)
    yield from (flying, calls, used)


def _recovery(report: Report) -> Iterator[Metric]:
    steps = CounterMetricFamily(
        "medianest_recovery_actions", "What recovery actions did.", labels=("action", "outcome")
    )
    for action, figures in report.recovery.items():
        for outcome in _STEPS:
            steps.add_metric((action, outcome), figures[outcome])
        steps.add_metric((action, "recovered"), figures["recovered"])
    yield steps


def _alerts(report: Report) -> Iterator[Metric]:
    firing = GaugeMetricFamily("medianest_alerts_firing", "Alerts that fire.", labels=("severity",))
    for severity in Severity:
        number = sum(alert.severity is severity for alert in report.firing)
        firing.add_metric((severity.name.lower(),), number)
    yield firing


def _left_out() -> Metric:
    elements = CounterMetricFamily(
        "medianest_left_out_elements",
        "Elements of upstreams' answers that nobody could understand.",
        labels=("service", "endpoint"),
    )
    for (service, endpoint), number in LEFT_OUT.by_endpoint().items():
        elements.add_metric((service, endpoint), number)
    return elements


def _gauge(name: str, about: str, labels: dict[str, str], value: float) -> Metric:
    family = GaugeMetricFamily(name, about, labels=tuple(labels))
    family.add_metric(tuple(labels.values()), value)
    return family
