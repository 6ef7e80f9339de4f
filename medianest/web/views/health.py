"""`/api/v1/health`: how this server is, for probes and for people."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from flask import Blueprint, Response
from pydantic import Field

from medianest import __version__
from medianest.cache.last_good_figures import LastGoodFigures
from medianest.config import missing
from medianest.config.settings import Environment
from medianest.health import ComponentHealth, Status
from medianest.health.report import Report
from medianest.resilience import CircuitBreaker, Criticality, DependencyType, State
from medianest.storage.database import Dialect
from medianest.web.container import Container, container
from medianest.web.endpoint import endpoint
from medianest.web.models import (
    AnswerModel,
    Count,
    LastFailure,
    Seconds,
    Share,
    Timestamp,
    by_name,
)
from medianest.web.refresh import Anything, Look, refreshed, served
from medianest.web.views.alerts import Alert
from medianest.web.views.breaker_model import Breaker
from medianest.web.views.component_figures import StateCounts
from medianest.web.views.component_model import Component, Latency, components_of
from medianest.web.views.score import Score
from medianest.web.words import BreakerState, CacheMode, Readiness

__all__ = [
    "CacheHealth",
    "Comprehensive",
    "DatabaseHealth",
    "External",
    "Health",
    "LastGood",
    "Live",
    "Pool",
    "Ready",
    "Service",
    "blueprint",
]


class Health(AnswerModel):
    """The overall status."""

    status: Status
    version: str
    environment: Environment
    uptime_seconds: Seconds
    checked_at: Annotated[Timestamp, Field(description="When something was checked last.")]


class Live(AnswerModel):
    """This process answers."""

    status: Literal["alive"] = "alive"


class Ready(AnswerModel):
    """Whether to send requests here, and why not."""

    status: Readiness
    reasons: tuple[str, ...]


class Comprehensive(AnswerModel):
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


class Pool(AnswerModel):
    """The connections of this process to the database."""

    size: Count
    in_use: Count
    waiting: Annotated[int, Field(ge=0, description="Calls that wait for one.")]


class _Checked(AnswerModel):
    status: Status
    message: str | None
    checked_at: Timestamp | None
    age_seconds: Seconds | None
    latency_seconds: Latency


class DatabaseHealth(_Checked):
    """How the database is."""

    dialect: Dialect
    server_version: str | None
    revision: Annotated[str | None, Field(description="The revision of its tables.")]
    wanted_revision: Annotated[str, Field(description="The revision that this version needs.")]
    pool: Pool


class LastGood(AnswerModel):
    """The last good answers of one question."""

    name: str
    max_age_seconds: Seconds
    entries: Count
    hits: Count
    misses: Count
    hit_rate: Annotated[Share | None, Field(description="Null without look-ups.")]
    from_redis: Annotated[int, Field(ge=0, description="How many of the hits came from Redis.")]

    @classmethod
    def of(cls, figures: LastGoodFigures) -> LastGood:
        """As they are now."""
        return cls(
            name=figures.name.split(":")[1],
            max_age_seconds=figures.max_age,
            entries=figures.entries,
            hits=figures.hits,
            misses=figures.misses,
            hit_rate=figures.hit_rate,
            from_redis=figures.redis.served if figures.redis is not None else 0,
        )


class CacheHealth(_Checked):
    """How the cache is; without Redis, the memory of this process is."""

    mode: CacheMode
    version: str | None = None
    used_memory_bytes: Annotated[int | None, Field(ge=0, description="Of the server.")] = None
    max_memory_bytes: Annotated[int | None, Field(ge=0, description="Null: no limit.")] = None
    keys: Count | None = None
    last_good: tuple[LastGood, ...]


class Service(AnswerModel):
    """An external dependency."""

    name: str
    criticality: Criticality
    type: DependencyType
    status: Status
    message: str | None
    checked_at: Timestamp | None
    age_seconds: Seconds | None
    latency_seconds: Latency
    status_code: Annotated[
        int | None, Field(description="The status of the answer to its last check.")
    ]
    version: Annotated[str | None, Field(description="Its version; null: it does not tell.")]
    last_failure: LastFailure | None
    breaker_state: BreakerState | None


class External(AnswerModel):
    """Every external dependency."""

    services: tuple[Service, ...]


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
def health(query: Look) -> tuple[Health, int, dict[str, str]]:
    """The overall status, and nothing that an outsider should not know."""
    refreshed(query)
    here, report = container(), container().monitoring.reporter.report()
    answer = Health(
        status=report.status,
        version=__version__,
        environment=here.settings.env,
        uptime_seconds=here.uptime,
        checked_at=max(filter(None, (c.checked_at for c in _checks(report))), default=report.at),
    )
    return answer, *served(report.status is not Status.UNHEALTHY)


def _checks(report: Report) -> list[ComponentHealth]:
    found = [d.check for d in report.dependencies if d.check is not None]
    return [*found, *report.components]


@blueprint.get("/live")
@endpoint(operation_id="get_liveness", query=Anything, answers={200: Live})
def live() -> Live:
    """Whether this process answers. It asks no dependency."""
    return Live()


@blueprint.get("/ready")
@endpoint(
    operation_id="get_readiness",
    query=Anything,
    answers={200: Ready, 503: Ready},
    sends={503: ("Retry-After",)},
)
def ready() -> tuple[Ready, int, dict[str, str]]:
    """Whether to send requests here."""
    here = container()
    reasons = ["draining"] if here.lifecycle.draining else []
    if here.settings.env != "testing" and not here.storage.migrator.is_current:
        reasons.append(_schema_reason(here.storage.migrator.revision))
    reasons += [
        f"the critical dependency {found.name} is unhealthy"
        for found in here.monitoring.reporter.report().dependencies
        if found.dependency.criticality == "critical" and found.status is Status.UNHEALTHY
    ]
    answer = Ready(status="not_ready" if reasons else "ready", reasons=tuple(reasons))
    return answer, *served(not reasons)


def _schema_reason(found: str | None) -> str:
    if found is None:
        return "the database has not been reached yet"
    return f"the tables of the database are at {found}: run medianest db upgrade"


@blueprint.get("/comprehensive")
@endpoint(
    "viewer", operation_id="get_comprehensive_health", query=Look, answers={200: Comprehensive}
)
def comprehensive(query: Look) -> Response:
    """Every component, the score with its deductions, and the alerts that fire."""
    refreshed(query)
    here, report = container(), container().monitoring.reporter.report()
    body = here.once(
        "comprehensive", report, lambda: _all_of(report, here).model_dump_json() + "\n"
    )
    headers = {"Cache-Control": "no-store"}
    return Response(body, content_type="application/json", headers=headers)


def _all_of(report: Report, here: Container) -> Comprehensive:
    components = components_of(report)
    return Comprehensive(
        generated_at=report.at,
        status=report.status,
        score=Score.model_validate(report.score),
        components=components,
        by_name=by_name(components),
        alerts=tuple(map(Alert.of, report.firing)),
        not_configured=missing(here.settings),
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
    registry = container().registry
    seen = [breaker.snapshot() for breaker in registry.breakers()]
    states = Counter(each.state for each in seen)
    counts = StateCounts.model_validate({state.value: states[state] for state in State})
    answer = BreakerHealth(counts=counts, circuit_breakers=tuple(map(Breaker.of, seen)))
    critical = [d for d in registry.dependencies() if d.criticality == "critical"]
    breakers = [dependency.pipeline.find(CircuitBreaker) for dependency in critical]
    cut_off = any(breaker is not None and breaker.state in _REFUSING for breaker in breakers)
    return answer, *served(not cut_off)
