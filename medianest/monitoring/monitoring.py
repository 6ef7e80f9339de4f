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
from medianest.health.alerts import AlertOptions, Silence, Silences
from medianest.health.component import Change
from medianest.health.monitor import MONITOR
from medianest.health.system import System
from medianest.health.thresholds import Threshold
from medianest.health.traffic import Routes
from medianest.health.watch import Watch
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


class Monitoring(Watch):
    """Everything that looks at the server. Raises ConfigurationError for an address that no alert
    can be sent to."""

    silences: SilenceKeeper

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
        system, silences = System(clock, settings.health.memory_limit), Silences(clock)
        monitor = HealthMonitor(clock, on_change=partial(let_in, registry))
        for check in (
            *checks_outside(settings, media, clock),
            *checks_inside(settings, storage, redis, queue),
            *checks_of_process(settings, registry, places, system, options),
        ):
            monitor.add(check)
        self.claims = AlertClaims(
            storage.database, settings.alerts.cool_down, settings.instance_path / "alerts", clock
        )
        super().__init__(
            service,
            monitor,
            cascade,
            routes,
            system=system,
            places=places,
            options=options,
            unused=unused(settings),
            claims=self.claims,
            silences=silences,
            every=_evaluation_seconds(settings),
        )
        self._settings, self._steps = settings, ClockSteps(clock)
        self.silences = SilenceKeeper(storage.database, silences, clock)
        self.notifier = Notifier(settings.alerts.urls, clock)
        self.alerts.sinks.append(self.notifier)
        self.dependencies = _registrar(settings.health, service, storage, monitor)
        self._has_restored = False

    def jobs(self) -> list[Job]:
        """What is done beside the requests. Checks have jobs of their own."""
        health = self._settings.health
        return [
            *super().jobs(),
            Job(
                name="learn of dependencies",
                run=self.dependencies.sync,
                every=health.interval,
                needs_tables=True,
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
            Job(
                name="prune alerts",
                run=self._prune,
                every=_PRUNE_SECONDS,
                first=_PRUNE_FIRST,
                needs_tables=True,
            ),
        ]

    def keeps(self, silence: Silence) -> bool:
        """Whether the database has a silence."""
        return self.silences.is_kept(silence)

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


def _evaluation_seconds(settings: Settings) -> float:
    return max(0.2, min(_ALERT_SECONDS, settings.health.interval, settings.alerts.hold / 4))


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
