"""What `/api/v1/health` answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from medianest.cache.last_good_figures import LastGoodFigures
from medianest.config.settings import Environment
from medianest.health import Status
from medianest.resilience import Criticality, DependencyType
from medianest.storage.database import Dialect
from medianest.web.answers.alerts import Alert
from medianest.web.answers.base import (
    AnswerModel,
    Count,
    Seconds,
    Timestamp,
)
from medianest.web.answers.components import Component, LastFailure, Latency
from medianest.web.answers.figures import StateCounts
from medianest.web.answers.score import Score
from medianest.web.words import BreakerState, CacheMode, Readiness

__all__ = [
    "BreakerBrief",
    "BreakerBriefs",
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
]


class Health(AnswerModel):
    """The status of the whole."""

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

    at: Timestamp
    status: Status
    score: Score
    components: tuple[Component, ...]
    alerts: Annotated[tuple[Alert, ...], Field(description="Those that fire.")]
    not_configured: Annotated[
        tuple[str, ...], Field(description="Settings that are missing, and what is off without.")
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
    latency: Latency


class DatabaseHealth(_Checked):
    """How the database is."""

    dialect: Dialect
    server_version: str | None
    revision: Annotated[str | None, Field(description="Of its tables.")]
    wanted_revision: Annotated[str, Field(description="That this version works with.")]
    pool: Pool


class LastGood(AnswerModel):
    """The last good answers of one question."""

    name: str
    max_age: Seconds
    entries: Count
    hits: Count
    misses: Count
    hit_rate: Annotated[float | None, Field(ge=0, le=1, description="Null without look-ups.")]
    from_redis: Annotated[int, Field(ge=0, description="Served from Redis.")]

    @classmethod
    def of(cls, figures: LastGoodFigures) -> LastGood:
        """As they are now."""
        return cls(
            name=figures.name.split(":")[1],
            max_age=figures.max_age,
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
    used_memory: Annotated[int | None, Field(ge=0, description="Bytes.")] = None
    max_memory: Annotated[int | None, Field(ge=0, description="Bytes; null: no limit.")] = None
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
    latency: Latency
    status_code: Annotated[int | None, Field(description="What its last check was answered.")]
    version: Annotated[str | None, Field(description="Where it tells one.")]
    last_failure: LastFailure | None
    circuit_breaker: BreakerState | None


class External(AnswerModel):
    """Every external dependency."""

    services: tuple[Service, ...]


class BreakerBrief(AnswerModel):
    """A circuit breaker in brief."""

    name: str
    state: BreakerState
    since: Timestamp
    failure_rate: Annotated[float | None, Field(ge=0, le=1, description="Null without calls.")]
    failures: Count
    retry_after: Annotated[
        float | None, Field(ge=0, description="Seconds until it lets a probe through.")
    ]


class BreakerBriefs(AnswerModel):
    """Every circuit breaker in brief."""

    counts: StateCounts
    circuit_breakers: tuple[BreakerBrief, ...]
