"""What looks at everything else: the health monitor with its checks, the alerts, the report."""

from __future__ import annotations

from functools import partial

from medianest.cache.redis import SERVICE as REDIS
from medianest.cache.redis import RedisServer
from medianest.config import AlertSettings, HealthSettings, Settings
from medianest.dependencies.addresses import Addresses
from medianest.dependencies.probe import HealthProbe
from medianest.dependencies.registrar import DependencyRegistrar
from medianest.health import HealthMonitor, Status
from medianest.health.alerts import AlertManager, AlertOptions, Rules, Silences
from medianest.health.component import Change
from medianest.health.counters import Counters
from medianest.health.monitor import MONITOR
from medianest.health.observer import Observer
from medianest.health.openings import Openings
from medianest.health.report import Reporter
from medianest.health.series import Series
from medianest.health.system import System
from medianest.health.thresholds import Threshold
from medianest.health.traffic import Incoming, Routes, Traffic
from medianest.jobs import Job
from medianest.media.media import Media
from medianest.media.overseerr.client import SERVICE as OVERSEERR
from medianest.media.plex.client import SERVICE as PLEX
from medianest.monitoring.checks import (
    check_of,
    checks_inside,
    checks_of_process,
    checks_outside,
    unused,
)
from medianest.monitoring.notifier import Notifier
from medianest.queue.queue import Queue
from medianest.resilience import Bulkhead, CircuitBreaker, Registry, ResilienceService
from medianest.resilience.cascade import CascadeMonitor
from medianest.resilience.steps import ClockSteps
from medianest.storage.alert_claims import AlertClaims
from medianest.storage.dependencies import DependencyStore
from medianest.storage.silences import SilenceKeeper
from medianest.storage.storage import Storage

__all__ = ["Monitoring", "let_in"]

_RESERVED = ("database", REDIS, PLEX, "plex", OVERSEERR, "cache", "system", MONITOR)
"""Names that no registered dependency may take, configured or not."""

_ALERT_SECONDS, _SEND_SECONDS, _LAST_SECONDS = 5.0, 1.0, 3.0
_PRUNE_SECONDS, _PRUNE_FIRST = 3600.0, 60.0
_FOLLOW_SECONDS = 1.0


class Monitoring:
    """Everything that looks. Starts no thread, and asks nobody before it is told to. Raises
    ConfigurationError for an address that no alert can be sent to."""

    def __init__(
        self,
        settings: Settings,
        service: ResilienceService,
        storage: Storage,
        redis: RedisServer | None,
        queue: Queue,
        media: Media,
        cascade: CascadeMonitor,
        routes: Routes,
        places: Bulkhead | None,
    ) -> None:
        registry, clock, options = service.registry, service.registry.clock, _options(settings)
        self._settings, self._steps = settings, ClockSteps(clock)
        self.routes = routes
        self.places = places
        """Those of requests; None: there is no limit."""
        self.system = System(clock, settings.health.memory_limit)
        self.monitor = HealthMonitor(clock, on_change=partial(let_in, registry))
        for check in (
            *checks_outside(settings, media, clock),
            *checks_inside(settings, storage, redis, queue),
            *checks_of_process(settings, registry, places, self.system, options),
        ):
            self.monitor.add(check)
        self.traffic = Traffic(clock)
        self.observer = Observer(registry, self.monitor, self.traffic, unused(settings))
        self.claims = AlertClaims(
            storage.database, settings.alerts.cool_down, settings.instance_path / "alerts", clock
        )
        rules = Rules(options, self.observer.view, routes.services_of, routes.of_service)
        silences = Silences(clock)
        self.silences = SilenceKeeper(storage.database, silences, clock)
        self.alerts = AlertManager(
            options, rules.read, claims=self.claims, silences=silences, clock=clock
        )
        self.notifier = Notifier(settings.alerts.urls, clock)
        self.alerts.sinks.append(self.notifier)
        statistics = service.recovery.history.statistics
        self.reporter = Reporter(self.observer, self.alerts, cascade, statistics)
        self.dependencies = _registrar(settings.health, service, storage, self.monitor)
        self.series = Series(registry, self.traffic, routes)
        self.counters = Counters()
        self.openings = Openings()
        self._has_restored = False

    def jobs(self) -> list[Job]:
        """What is done beside the requests. Checks have jobs of their own."""
        health, alerts = self._settings.health, self._settings.alerts
        return [
            Job(
                name="learn of dependencies",
                run=self.dependencies.sync,
                every=health.interval,
                needs_tables=True,
            ),
            Job(
                name="evaluate alerts",
                run=self.alerts.evaluate,
                every=max(0.2, min(_ALERT_SECONDS, health.interval, alerts.hold / 4)),
                must_go_on=True,
            ),
            Job(
                name="share alerts",
                run=self._share_alerts,
                every=health.interval,
                needs_tables=True,
            ),
            Job(
                name="send alerts",
                run=self.notifier.flush,
                every=_SEND_SECONDS,
                at_end=partial(self.notifier.finish, _LAST_SECONDS),
                must_go_on=True,
            ),
            Job(name="follow the figures", run=self.series.follow, every=_FOLLOW_SECONDS),
            Job(
                name="prune alerts",
                run=self._prune,
                every=_PRUNE_SECONDS,
                first=_PRUNE_FIRST,
                needs_tables=True,
            ),
        ]

    def incoming(self) -> Incoming:
        """How much came over the last minute on the routes on which people are served."""
        known = self.traffic.routes()
        return self.traffic.incoming(each for each in known if self.routes.serves_people(each))

    def _share_alerts(self) -> None:
        """Learn of those of other processes, and of this one before it was started anew."""
        self.silences.sync()
        if not self._has_restored:
            # First what the alerts are about: one whose subject is gone is over.
            self.dependencies.sync()
            self.alerts.restore(self.claims.unresolved())
            self._has_restored = True
        self.alerts.merge_recent(self.claims.recent())

    def _prune(self) -> None:
        """Not what a clock that was set forward makes look old."""
        self.claims.prune(self._steps.ago(self._settings.database.keep_history))


def _registrar(
    health: HealthSettings, service: ResilienceService, storage: Storage, monitor: HealthMonitor
) -> DependencyRegistrar:
    clock = service.registry.clock
    return DependencyRegistrar(
        DependencyStore(storage.database, clock),
        service,
        monitor,
        HealthProbe(Addresses(health.allowed_networks), timeout=health.timeout, clock=clock),
        partial(check_of, health, kind="external"),
        _RESERVED,
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


def let_in(registry: Registry, change: Change) -> None:
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
