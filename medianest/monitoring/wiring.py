"""What looks at everything else: the health monitor with its checks, the alerts, the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from medianest.cache.redis import SERVICE as REDIS
from medianest.cache.redis import RedisServer
from medianest.config import AlertSettings, HealthSettings, Settings
from medianest.dependencies.addresses import Addresses
from medianest.dependencies.checks import CacheCheck, DatabaseCheck, UpstreamCheck
from medianest.dependencies.probe import HealthProbe
from medianest.dependencies.registrar import DependencyRegistrar
from medianest.health import Check, HealthMonitor, Status
from medianest.health.alerts import Alert, AlertManager, AlertOptions, Rules
from medianest.health.checks import (
    QueueCheck,
    check_breakers,
    check_cpu,
    check_memory,
    check_threads,
)
from medianest.health.component import Change
from medianest.health.counters import Counters
from medianest.health.log import LOG
from medianest.health.monitor import MONITOR
from medianest.health.observer import Observer
from medianest.health.openings import Openings
from medianest.health.report import Reporter
from medianest.health.system import System
from medianest.health.thresholds import Threshold
from medianest.health.traffic import Traffic
from medianest.media.overseerr.client import API
from medianest.media.overseerr.client import SERVICE as OVERSEERR
from medianest.media.overseerr.service import Overseerr
from medianest.media.plex.client import SERVICE as PLEX
from medianest.media.plex.service import DEPENDENCY as PLEX_DEPENDENCY
from medianest.media.plex.service import Plex
from medianest.queue.admin import QueueAdmin
from medianest.resilience import (
    Bulkhead,
    CircuitBreaker,
    Clock,
    Deadline,
    Registry,
    ResilienceService,
)
from medianest.resilience.cascade import CascadeMonitor
from medianest.storage import Database
from medianest.storage.alerts import AlertJournal
from medianest.storage.dependencies import DependencyStore
from medianest.storage.marks import Marks
from medianest.web.parts import Lifecycle, Monitoring
from medianest.web.traffic import Routes

__all__ = ["Subjects", "make_monitoring"]

BUILT_IN = ("database", REDIS, PLEX_DEPENDENCY, OVERSEERR, PLEX, "cache", "system", MONITOR)
"""Names that no registered dependency may take, configured or not."""

_MARKS_LAST = 120.0
"""Seconds in which all processes of a host see what one of them has seen."""

_CLAIM_SECONDS = 1.0
"""How long an alert waits to know whether another process has told it."""


@dataclass(frozen=True)
class Subjects:
    """What is to be looked at; `places` are those of requests."""

    settings: Settings
    service: ResilienceService
    cascade: CascadeMonitor
    routes: Routes
    places: Bulkhead | None
    database: Database
    redis: RedisServer | None
    plex: Plex
    overseerr: Overseerr
    queue: QueueAdmin
    lifecycle: Lifecycle

    @property
    def clock(self) -> Clock:
        """The clock of all."""
        return self.service.registry.clock


def make_monitoring(subjects: Subjects) -> Monitoring:
    """Everything that looks; it starts no thread and asks nobody before it is told to."""
    settings, service, clock = subjects.settings, subjects.service, subjects.clock
    options, system = _options(settings), System(clock, settings.health.memory_limit)
    monitor = HealthMonitor(clock, on_change=partial(_let_in, service.registry))
    for check in (*_external(subjects), *_internal(subjects, options, system)):
        monitor.add(check)
    traffic = Traffic(clock)
    observer = Observer(service.registry, monitor, traffic, _unused(settings))
    journal = AlertJournal(subjects.database, settings.alerts.cool_down)
    rules = Rules(options, subjects.routes.services_of, subjects.routes.of_service)
    alerts = AlertManager(
        options,
        lambda lately: rules.read(observer.sight(lately)),
        claim=partial(_claim, journal),
        claim_alone=Marks(settings.instance_path / "alerts", _MARKS_LAST, clock).claim,
        clock=clock,
    )
    recovery = service.recovery.history.statistics
    return Monitoring(
        monitor=monitor,
        traffic=traffic,
        observer=observer,
        alerts=alerts,
        journal=journal,
        reporter=Reporter(observer, alerts, subjects.cascade, recovery),
        dependencies=_dependency_desk(subjects, monitor),
        system=system,
        counters=Counters(),
        openings=Openings(),
        is_of_users=lambda route: subjects.routes.services_of(route) is not None,
        places=subjects.places,
    )


def _dependency_desk(subjects: Subjects, monitor: HealthMonitor) -> DependencyRegistrar:
    health, clock = subjects.settings.health, subjects.clock
    return DependencyRegistrar(
        DependencyStore(subjects.database, clock),
        subjects.service,
        monitor,
        HealthProbe(Addresses(health.allowed_networks), timeout=health.timeout, clock=clock),
        partial(_check, health, kind="external"),
        BUILT_IN,
    )


def _unused(settings: Settings) -> list[str]:
    urls = {PLEX_DEPENDENCY: settings.plex.url, OVERSEERR: settings.overseerr.url}
    return [name for name, url in urls.items() if url is None]


def _internal(subjects: Subjects, options: AlertOptions, system: System) -> Iterator[Check]:
    """What is ours: the database, the cache, this process."""
    check_of, redis = partial(_check, subjects.settings.health), subjects.redis
    places, threads = subjects.places, subjects.settings.threads
    breakers = partial(check_breakers, subjects.service.registry, options.breakers_open)
    lifecycle = subjects.lifecycle
    database = DatabaseCheck(
        subjects.database,
        lambda: lifecycle.is_preparing,
        proven_for=subjects.settings.health.interval,
    )
    yield check_of("database", "critical", database, kind="database")
    yield check_of(REDIS if redis else "cache", "important", CacheCheck(redis), kind="cache")
    yield check_of("circuit-breakers", "optional", breakers)
    yield check_of("memory", "important", partial(check_memory, system, options.memory))
    yield check_of("cpu", "optional", partial(check_cpu, system))
    yield check_of("log", "optional", LOG)
    yield check_of("threads", "important", partial(check_threads, places, threads))
    yield check_of(
        "queue",
        "optional",
        QueueCheck(subjects.queue.figures, subjects.settings.queue.max_operations),
    )


def _external(subjects: Subjects) -> Iterator[Check]:
    """As each says itself that it is well. Overseerr's says nothing of the server that it asks."""
    settings, plex, overseerr = subjects.settings, subjects.plex, subjects.overseerr
    check_of = partial(_check, settings.health, kind="external")
    ask = partial(UpstreamCheck, timeout=settings.health.timeout, clock=subjects.clock)
    if settings.plex.url is not None:
        identity = ask(
            PLEX,
            settings.plex.url,
            "/identity",
            lambda answer: answer["MediaContainer"].get("version"),
            tls=settings.plex.tls,
            trouble=lambda: plex.trouble,
        )
        yield check_of(PLEX_DEPENDENCY, "important", identity)
    if settings.overseerr.url is not None:
        status = ask(
            OVERSEERR,
            settings.overseerr.url,
            f"{API}/status",
            lambda answer: answer["version"],
            tls=settings.overseerr.tls,
            trouble=lambda: overseerr.check_trouble(settings.health.timeout / 2),
        )
        yield check_of(OVERSEERR, "optional", status)


def _check(
    settings: HealthSettings, name: str, criticality: Any, run: Any, kind: Any = "internal"
) -> Check:
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


def _options(settings: Settings) -> AlertOptions:
    alerts, health = settings.alerts, settings.health
    return AlertOptions(
        error_rate=_threshold(alerts, "error_rate"),
        response_time=_threshold(alerts, "response_time"),
        memory=_threshold(alerts, "memory"),
        breakers_open=_threshold(alerts, "breakers_open"),
        # What an outage does to calls must not be told before its check can have failed.
        hold=max(alerts.hold, health.interval + health.timeout),
        resolve_after=alerts.resolve_after,
        cool_down=alerts.cool_down,
        minimum_calls=alerts.minimum_calls,
    )


def _threshold(settings: AlertSettings, name: str) -> Threshold:
    return Threshold(getattr(settings, f"{name}_warning"), getattr(settings, f"{name}_critical"))


def _let_in(registry: Registry, change: Change) -> None:
    """An outage that the check has seen is over: nobody needs to wait for the breaker's next try.
    If calls fail all the same, it opens again, and the check has nothing new to say."""
    # It may get well by degrees.
    was_bad = change.before.severity_rank > Status.UNKNOWN.severity_rank
    if not was_bad or change.after is not Status.HEALTHY:
        return
    for dependency in registry.dependencies():
        breaker = dependency.pipeline.find(CircuitBreaker)
        if dependency.name == change.name and breaker is not None:
            breaker.close_if_open("its health check passes again", actor="health-monitor")


def _claim(journal: AlertJournal, alert: Alert) -> bool:
    with Deadline(_CLAIM_SECONDS, name="alerts").scope():
        return journal.claim(alert)
