"""`/api/v1/health/database`, `/cache` and `/external`: one component each, in detail."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from medianest.cache.last_good_figures import LastGoodFigures
from medianest.cache.redis import SERVICE as REDIS
from medianest.health import ComponentHealth, DependencyHealth, Status
from medianest.storage import schema
from medianest.storage.database import SERVICE as DATABASE
from medianest.storage.database import Dialect, PoolFigures
from medianest.web.container import container
from medianest.web.endpoint import endpoint
from medianest.web.models import AnswerModel, Count, Seconds, Share, Timestamp, by_name
from medianest.web.parameters import meant
from medianest.web.problems import ProblemError
from medianest.web.refresh import Look, refreshed, served
from medianest.web.views.component_model import CheckLatency, Component
from medianest.web.words import CacheMode

__all__ = ["blueprint"]


class _Checked(AnswerModel):
    status: Status
    message: str | None
    checked_at: Timestamp | None
    age_seconds: Seconds | None
    latency_seconds: CheckLatency


class DatabaseHealth(_Checked):
    """How the database is."""

    dialect: Dialect
    server_version: str | None
    revision: Annotated[str | None, Field(description="The revision of its tables.")]
    wanted_revision: Annotated[str, Field(description="The revision that this version needs.")]
    pool: PoolFigures


class LastGoodAnswers(AnswerModel):
    """The last good answers of one question."""

    name: str
    max_age_seconds: Seconds
    entries: Count
    hits: Count
    misses: Count
    hit_rate: Annotated[Share | None, Field(description="Null without look-ups.")]
    from_redis: Annotated[int, Field(ge=0, description="How many of the hits came from Redis.")]

    @classmethod
    def of(cls, figures: LastGoodFigures) -> LastGoodAnswers:
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
    last_good: tuple[LastGoodAnswers, ...]


class ExternalHealth(AnswerModel):
    """Every external dependency."""

    services: tuple[Component, ...]
    by_name: Annotated[dict[str, Component], Field(description="The same, by name.")]


blueprint = Blueprint("components", __name__, url_prefix="/api/v1/health")

_detailed = partial(endpoint, "viewer", query=Look, sends={503: ("Retry-After",)})

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        description="As /external lists it.",
        examples=["plex-media-server"],
    ),
]


@blueprint.get("/database")
@_detailed(operation_id="get_database_health", answers={200: DatabaseHealth, 503: DatabaseHealth})
def get_database_health(query: Look) -> tuple[DatabaseHealth, int, dict[str, str]]:
    """Whether the database answers and how fast, its connections and its tables; 503 while it is
    unhealthy."""
    refreshed(query)
    here = container()
    detail = here.monitoring.monitor.component(DATABASE).detail
    answer = DatabaseHealth(
        **_checked(DATABASE),
        dialect=here.storage.database.dialect,
        server_version=detail.get("server_version"),
        revision=detail.get("revision"),
        wanted_revision=schema.head_revision(),
        pool=here.storage.database.pool(),
    )
    return answer, *_served(answer)


@blueprint.get("/cache")
@_detailed(operation_id="get_cache_health", answers={200: CacheHealth, 503: CacheHealth})
def get_cache_health(query: Look) -> tuple[CacheHealth, int, dict[str, str]]:
    """Whether Redis answers and how fast, and how often last good answers were there; 503 while it
    is unhealthy."""
    refreshed(query)
    here = container()
    name = "cache" if here.redis is None else REDIS
    detail = here.monitoring.monitor.component(name).detail
    figures = here.media.plex.last_good_figures()
    answer = CacheHealth(
        **_checked(name),
        mode="memory" if here.redis is None else "redis",
        version=detail.get("version"),
        used_memory_bytes=detail.get("used_memory"),
        max_memory_bytes=detail.get("max_memory"),
        keys=detail.get("keys"),
        last_good=tuple(LastGoodAnswers.of(each) for each in figures),
    )
    return answer, *_served(answer)


@blueprint.get("/external")
@endpoint("viewer", operation_id="list_external_health", query=Look, answers={200: ExternalHealth})
def list_external_health(query: Look) -> ExternalHealth:
    """Every external dependency."""
    refreshed(query)
    services = tuple(map(Component.of_dependency, _externals()))
    return ExternalHealth(services=services, by_name=by_name(services))


@blueprint.get("/external/<name>")
@_detailed(operation_id="get_external_health", answers={200: Component, 503: Component})
def get_external_health(name: Name, query: Look) -> tuple[Component, int, dict[str, str]]:
    """One external dependency; 503 while it is unhealthy."""
    refreshed(query)
    name = meant(name, [found.name for found in _externals()])
    for found in _externals():
        if name in (found.name, found.dependency.service):
            answer = Component.of_dependency(found)
            return answer, *_served(answer)
    known = ", ".join(found.name for found in _externals()) or "none"
    raise ProblemError("not-found", f"there is no external dependency {name!r}; there are: {known}")


def _served(answer: DatabaseHealth | CacheHealth | Component) -> tuple[int, dict[str, str]]:
    return served(answer.status is not Status.UNHEALTHY)


def _externals() -> list[DependencyHealth]:
    dependencies = container().monitoring.reporter.report().dependencies
    return [found for found in dependencies if found.name not in (DATABASE, REDIS)]


def _checked(name: str) -> dict[str, Any]:
    """How a component is, as a dependency if it is one."""
    check: ComponentHealth = container().monitoring.monitor.component(name)
    status, message = check.status, check.message
    for found in container().monitoring.reporter.report().dependencies:
        if found.name == name:
            status, message = found.status, found.message
    return {
        "status": status,
        "message": message,
        "checked_at": check.checked_at,
        "age_seconds": check.age_seconds,
        "latency_seconds": CheckLatency.of(check),
    }
