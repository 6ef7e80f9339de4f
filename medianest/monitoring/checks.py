"""The checks of the real things: what is asked, how often, and how much it matters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from medianest.cache.redis import SERVICE as REDIS
from medianest.cache.redis import RedisServer
from medianest.config import HealthSettings, Settings
from medianest.dependencies.checks import CacheCheck, DatabaseCheck, UpstreamCheck
from medianest.health import Check
from medianest.health.alerts import AlertOptions
from medianest.health.checks import (
    QueueCheck,
    check_breakers,
    check_cpu,
    check_memory,
    check_threads,
)
from medianest.health.log import LOG
from medianest.health.system import System
from medianest.media.media import Media
from medianest.media.overseerr.client import API
from medianest.media.overseerr.client import SERVICE as OVERSEERR
from medianest.media.plex.client import SERVICE as PLEX
from medianest.queue.queue import Queue
from medianest.resilience import Bulkhead, Clock, Registry
from medianest.storage.storage import Storage

__all__ = ["QUEUE", "check_of", "checks_inside", "checks_of_process", "checks_outside", "unused"]

QUEUE = "queue"
"""The name of the queue's check, which needs the tables."""


def check_of(
    settings: HealthSettings, name: str, criticality: Any, run: Any, kind: Any = "internal"
) -> Check:
    """A check with the times of the settings."""
    return Check(
        name,
        run,
        kind=kind,
        criticality=criticality,
        interval=settings.interval,
        timeout=settings.timeout,
        worse_after=settings.unhealthy_after,
        better_after=settings.healthy_after,
    )


def unused(settings: Settings) -> list[str]:
    """The dependencies that are not configured."""
    urls = {PLEX: settings.plex.url, OVERSEERR: settings.overseerr.url}
    return [name for name, url in urls.items() if url is None]


def checks_outside(settings: Settings, media: Media, clock: Clock) -> Iterator[Check]:
    """Of the media servers, as each says itself that it is well. Overseerr's says nothing of the
    server that it asks."""
    plex, overseerr = media.plex, media.overseerr
    check = partial(check_of, settings.health, kind="external")
    ask = partial(UpstreamCheck, timeout=settings.health.timeout, clock=clock)
    if settings.plex.url is not None:
        identity = ask(
            PLEX,
            settings.plex.url,
            "/identity",
            lambda answer: answer["MediaContainer"].get("version"),
            tls=settings.plex.tls,
            trouble=lambda: plex.trouble or plex.trouble_elsewhere(),
        )
        yield check(PLEX, "important", identity)
    if settings.overseerr.url is not None:
        status = ask(
            OVERSEERR,
            settings.overseerr.url,
            f"{API}/status",
            lambda answer: answer["version"],
            tls=settings.overseerr.tls,
            trouble=lambda: overseerr.check_trouble(settings.health.timeout / 2),
        )
        yield check(OVERSEERR, "optional", status)


def checks_inside(
    settings: Settings,
    storage: Storage,
    redis: RedisServer | None,
    queue: Queue,
) -> Iterator[Check]:
    """Of what is kept: the database, the cache, the queue."""
    check = partial(check_of, settings.health)
    database = DatabaseCheck(
        storage.database,
        lambda: storage.migrator.is_preparing,
        proven_for=settings.health.interval,
    )
    yield check("database", "critical", database, kind="database")
    yield check(REDIS if redis else "cache", "important", CacheCheck(redis), kind="cache")
    yield check("log", "optional", LOG)
    most = settings.queue.max_operations
    yield check(QUEUE, "optional", QueueCheck(queue.admin.figures, most))


def checks_of_process(
    settings: Settings,
    registry: Registry,
    places: Bulkhead | None,
    system: System,
    options: AlertOptions,
) -> Iterator[Check]:
    """Of this process; `places` are those of requests."""
    check = partial(check_of, settings.health)
    breakers = partial(check_breakers, registry, options.breakers_open)
    yield check("circuit-breakers", "optional", breakers)
    yield check("memory", "important", partial(check_memory, system, options.memory))
    yield check("cpu", "optional", partial(check_cpu, system))
    yield check("threads", "important", partial(check_threads, places, settings.threads))
