"""What looks at everything else: the health monitor with its checks, the alerts, the report."""

from __future__ import annotations

from functools import partial
from typing import Any

from medianest.config import AlertSettings, HealthSettings, Settings
from medianest.dependencies.addresses import Addresses
from medianest.dependencies.checks import CacheCheck, DatabaseCheck, UpstreamCheck
from medianest.dependencies.desk import DependencyDesk
from medianest.dependencies.probe import HealthProbe
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
from medianest.health.observer import Observer
from medianest.health.report import Reporter
from medianest.health.system import System
from medianest.health.thresholds import Threshold
from medianest.health.traffic import Traffic
from medianest.media import overseerr, plex
from medianest.media.overseerr_client import API
from medianest.media.overseerr_client import SERVICE as OVERSEERR
from medianest.media.plex_client import SERVICE as PLEX
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
from medianest.storage.desk import QueueDesk
from medianest.storage.redis import SERVICE as REDIS
from medianest.storage.redis import RedisServer
from medianest.web.parts import Watch
from medianest.web.traffic import Routes

__all__ = ["make_watch"]

BUILT_IN = ("database", REDIS, plex.DEPENDENCY, OVERSEERR, PLEX, "cache", "system")
"""Names that no registered dependency may take, configured or not."""

_CLAIM_SECONDS = 1.0
"""How long an alert waits to know whether another process has told it."""


def make_watch(
    settings: Settings,
    service: ResilienceService,
    cascade: CascadeMonitor,
    routes: Routes,
    places: Bulkhead | None,
    database: Database,
    redis: RedisServer | None,
    plex_here: plex.Plex,
    overseerr_here: overseerr.Overseerr,
    queue: QueueDesk,
) -> Watch:
    """Everything that looks; it starts no thread and asks nobody before it is told to."""
    clock, registry = service.registry.clock, service.registry
    options, check_of = _options(settings), partial(_check, settings.health)
    monitor = HealthMonitor(clock, on_change=partial(_let_in, registry))
    traffic = Traffic(clock)
    observer = Observer(registry, monitor, traffic)
    breakers = partial(check_breakers, registry, options.breakers_open)
    system = System(clock, settings.health.memory_limit)
    for check in (
        check_of("database", "critical", DatabaseCheck(database), kind="database"),
        check_of(REDIS if redis else "cache", "important", CacheCheck(redis), kind="cache"),
        *_external(settings, clock, check_of, plex_here, overseerr_here),
        check_of("circuit-breakers", "optional", breakers),
        check_of("memory", "important", partial(check_memory, system, options.memory)),
        check_of("cpu", "optional", partial(check_cpu, system)),
        check_of("threads", "important", partial(check_threads, places, settings.threads)),
        check_of("queue", "optional", QueueCheck(queue.figures)),
    ):
        monitor.add(check)
    journal = AlertJournal(database, settings.alerts.cool_down)
    rules = Rules(options, routes.services_of, routes.of_service)
    alerts = AlertManager(
        options,
        lambda lately: rules.read(observer.sight(lately)),
        claim=partial(_claim, journal),
        clock=clock,
    )
    probe = HealthProbe(
        Addresses(settings.health.allowed_networks), timeout=settings.health.timeout, clock=clock
    )
    return Watch(
        monitor=monitor,
        traffic=traffic,
        observer=observer,
        alerts=alerts,
        journal=journal,
        reporter=Reporter(observer, alerts, cascade, service.recovery.history.statistics),
        dependencies=DependencyDesk(
            DependencyStore(database, clock),
            service,
            monitor,
            probe,
            partial(check_of, kind="external"),
            BUILT_IN,
        ),
        system=system,
        counters=Counters(),
        places=places,
    )


def _external(
    settings: Settings,
    clock: Clock,
    check_of: Any,
    plex_here: plex.Plex,
    overseerr_here: overseerr.Overseerr,
) -> list[Check]:
    """As each says itself that it is well. Overseerr's says nothing of the server that it asks."""
    found, timeout = [], settings.health.timeout
    if settings.plex.url is not None:
        identity = UpstreamCheck(
            PLEX,
            settings.plex.url,
            "/identity",
            lambda answer: answer["MediaContainer"].get("version"),
            timeout=timeout,
            clock=clock,
            trouble=lambda: plex_here.trouble,
        )
        found.append(check_of(plex.DEPENDENCY, "important", identity, kind="external"))
    if settings.overseerr.url is not None:
        status = UpstreamCheck(
            OVERSEERR,
            settings.overseerr.url,
            f"{API}/status",
            lambda answer: answer.get("version"),
            timeout=timeout,
            clock=clock,
            trouble=lambda: overseerr_here.trouble,
        )
        found.append(check_of(OVERSEERR, "optional", status, kind="external"))
    return found


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
    was_bad = change.before.badness > Status.UNKNOWN.badness  # it may get well by degrees
    if not was_bad or change.after is not Status.HEALTHY:
        return
    for dependency in registry.dependencies():
        breaker = dependency.pipeline.find(CircuitBreaker)
        if dependency.name == change.name and breaker is not None:
            breaker.close_if_open("its health check passes again", actor="health-monitor")


def _claim(journal: AlertJournal, alert: Alert) -> bool:
    with Deadline(_CLAIM_SECONDS, name="alerts").scope():
        return journal.claim(alert)
