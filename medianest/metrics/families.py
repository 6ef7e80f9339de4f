"""What the library and the health model know, as metric families of Prometheus.

Names are those of Resilience4j's and OpenTelemetry's exporters behind our own prefix. Labels are
names of parts, actions, sources and states: as many as there are of those, and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)

from medianest.health import ComponentHealth, DependencyHealth, Status
from medianest.health.counters import Counters
from medianest.metrics.gauge import Gauge, Rule
from medianest.resilience import (
    BreakerSnapshot,
    BulkheadSnapshot,
    CoalesceSnapshot,
    PatienceSnapshot,
    RetryBudget,
    State,
)
from medianest.resilience.circuit_breaker.durations import BOUNDS

__all__ = [
    "STATUSES",
    "breakers",
    "buckets",
    "bulkheads",
    "flights",
    "health",
    "recoveries",
    "retries",
]

_OUTCOMES = {"successes": "successful", "failures": "failed", "slow": "slow",
          "ignored": "ignored", "unexpected": "unexpected"}  # fmt: skip
STATUSES = [s.value for s in (Status.UNKNOWN, Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY)]
"""The worst last. A process that has only begun to look takes nothing from what others know."""
_STATES = [
    s.value for s in (State.CLOSED, State.HALF_OPEN, State.OPEN, State.DISABLED, State.FORCED_OPEN)
]
"""The worst last; what operators want is everybody's."""
_STEPS = ("returned", "repaired", "shared", "raised", "declined", "suspended")


def health(
    dependencies: Iterable[DependencyHealth], components: Iterable[ComponentHealth]
) -> Iterator[Metric]:
    """How each is, and when it was looked at."""
    up = Gauge(
        "medianest_component_status",
        "1 for the status that a component has.",
        Rule.WORST,
        labels=("component", "criticality", "status"),
        order=STATUSES,
    )
    age = Gauge(
        "medianest_component_check_age_seconds",
        "Since its last check.",
        Rule.MIN,
        labels=("component",),
    )
    took = SummaryMetricFamily(
        "medianest_component_check_duration_seconds", "How long checks took.", labels=("component",)
    )
    rows = [(d.name, d.dependency.criticality, d.status, d.check) for d in dependencies]
    rows += [(c.name, c.criticality, c.status, c) for c in components]
    for name, criticality, status, check in rows:
        for each in Status:
            up.add_metric((name, criticality, each.value), float(status is each))
        if check is not None and check.age_seconds is not None:
            age.add_metric((name,), check.age_seconds)
        if check is not None:
            took.add_metric((name,), check.checks, check.checks_took_seconds)
    yield from (up, age, took)


def breakers(seen_now: Iterable[BreakerSnapshot]) -> Iterator[Metric]:
    """Their states, and the calls through them."""
    state = Gauge(
        "medianest_circuitbreaker_state",
        "1 for the state it is in.",
        Rule.WORST,
        labels=("name", "state"),
        order=_STATES,
    )
    calls = CounterMetricFamily(
        "medianest_circuitbreaker_calls",
        "Finished calls; slow ones are counted as what they are, too.",
        labels=("name", "outcome"),
    )
    refused = CounterMetricFamily(
        "medianest_circuitbreaker_not_permitted_calls", "Refused calls.", labels=("name",)
    )
    opened = CounterMetricFamily(
        "medianest_circuitbreaker_openings", "How often it opened.", labels=("name",)
    )
    window = Gauge(
        "medianest_circuitbreaker_window_calls",
        "Those of them that it judges by now.",
        Rule.SUM,
        labels=("name", "outcome"),
    )
    flying = Gauge(
        "medianest_circuitbreaker_in_flight_calls",
        "Calls that go on now.",
        Rule.SUM,
        labels=("name",),
    )
    took = HistogramMetricFamily(
        "medianest_circuitbreaker_call_duration_seconds",
        "How long finished calls took, good and failed, up to the last slice of the window.",
        labels=("name",),
    )
    for seen in seen_now:
        for each in State:
            state.add_metric((seen.name, each.value), float(seen.state is each))
        for field, outcome in _OUTCOMES.items():
            calls.add_metric((seen.name, outcome), getattr(seen.totals, field))
            window.add_metric((seen.name, outcome), getattr(seen.counts, field))
        refused.add_metric((seen.name,), seen.totals.rejected)
        opened.add_metric((seen.name,), seen.totals.openings)
        flying.add_metric((seen.name,), seen.in_flight)
        took.add_metric((seen.name,), buckets(seen.durations.counts), seen.durations.seconds)
    yield from (state, calls, window, refused, opened, flying, took)


def bulkheads(seen_now: Iterable[BulkheadSnapshot]) -> Iterator[Metric]:
    """Their places, and who waits for one."""
    known = list(seen_now)
    of_host = [seen.name for seen in known if seen.scope == "host"]
    free = Gauge(
        "medianest_bulkhead_available_concurrent_calls",
        "Free places.",
        Rule.SUM,
        labels=("name",),
        common=of_host,
    )
    most = Gauge(
        "medianest_bulkhead_max_allowed_concurrent_calls",
        "Places.",
        Rule.SUM,
        labels=("name",),
        common=of_host,
    )
    waiting = Gauge(
        "medianest_bulkhead_waiting_calls",
        "Calls that wait for a place.",
        Rule.SUM,
        labels=("name",),
    )
    refused = CounterMetricFamily(
        "medianest_bulkhead_not_permitted_calls", "Calls without a place.", labels=("name",)
    )
    for seen in known:
        free.add_metric((seen.name,), seen.max_concurrent - seen.in_use)
        most.add_metric((seen.name,), seen.max_concurrent)
        waiting.add_metric((seen.name,), seen.waiting)
        refused.add_metric((seen.name,), seen.rejected)
    yield from (free, most, waiting, refused)


def flights(
    coalesces: Iterable[CoalesceSnapshot], patiences: Iterable[PatienceSnapshot]
) -> Iterator[Metric]:
    """Calls that are shared, and that were left for a last good answer."""
    flying = Gauge(
        "medianest_coalesce_in_flight_calls", "Flights under way now.", Rule.SUM, labels=("name",)
    )
    calls = CounterMetricFamily(
        "medianest_coalesce_calls",
        "Flights, calls that shared one, and calls that had no thread for one.",
        labels=("name", "outcome"),
    )
    used = CounterMetricFamily(
        "medianest_patience_used",
        "Calls that were left for the last good answer.",
        labels=("name",),
    )
    for seen in coalesces:
        flying.add_metric((seen.name,), seen.in_flight)
        calls.add_metric((seen.name, "flight"), seen.flights)
        calls.add_metric((seen.name, "shared"), seen.shared)
        calls.add_metric((seen.name, "rejected"), seen.rejected)
    for patience in patiences:
        used.add_metric((patience.name,), patience.used)
    yield from (flying, calls, used)


def retries(budgets: Mapping[str, RetryBudget], counters: Counters) -> Iterator[Metric]:
    """Retries and their budgets, and fallbacks that answered."""
    calls = CounterMetricFamily(
        "medianest_retry_calls",
        "Calls that may be retried, and retries.",
        labels=("name", "outcome"),
    )
    left = Gauge(
        "medianest_retry_budget", "Retries that can be made now.", Rule.SUM, labels=("name",)
    )
    for name, budget in budgets.items():
        figures = budget.snapshot()
        calls.add_metric((name, "first_attempt"), figures["calls"])
        calls.add_metric((name, "retry"), figures["retries"])
        calls.add_metric((name, "denied"), figures["denied"])
        left.add_metric((name,), figures["left"])
    for name, number in counters.recovered().items():
        calls.add_metric((name, "successful_with_retry"), number)
    served = CounterMetricFamily(
        "medianest_fallback_served", "Fallbacks that answered.", labels=("name", "source")
    )
    for key, number in counters.fallbacks().items():
        served.add_metric(key, number)
    yield from (calls, left, served)


def recoveries(statistics: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    """What recovery actions did, by action."""
    steps = CounterMetricFamily(
        "medianest_recovery_actions", "What recovery actions did.", labels=("action", "outcome")
    )
    for action, figures in statistics.items():
        for outcome in _STEPS:
            steps.add_metric((action, outcome), figures[outcome])
        steps.add_metric((action, "recovered"), figures["recovered"])
    yield steps


def buckets(counts: Sequence[float]) -> list[tuple[str, float]]:
    """Those of a histogram, of how many took up to each bound, and how many took longer."""
    bounds = (*map(str, BOUNDS), "+Inf")
    return list(zip(bounds, map(float, accumulate(counts)), strict=True))
