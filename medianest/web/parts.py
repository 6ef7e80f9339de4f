"""The parts of the app that its views use, kept in `app.extensions["medianest"]`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from flask import Flask, current_app

from medianest.cache.redis import RedisServer
from medianest.config import Settings
from medianest.dependencies.registrar import DependencyRegistrar
from medianest.health import HealthMonitor
from medianest.health.alerts import AlertManager
from medianest.health.counters import Counters
from medianest.health.observer import Observer
from medianest.health.openings import Openings
from medianest.health.report import Report, Reporter
from medianest.health.system import System
from medianest.health.traffic import Route, Traffic
from medianest.media.overseerr.service import Overseerr
from medianest.media.plex.service import Plex
from medianest.media.requests import MediaRequests
from medianest.overrides.keeper import OverrideKeeper
from medianest.queue.admin import QueueAdmin
from medianest.queue.runner import QueueRunner
from medianest.resilience import Bulkhead, Registry, ResilienceService
from medianest.resilience.cascade import CascadeMonitor
from medianest.storage import Database
from medianest.storage.alerts import AlertJournal
from medianest.storage.records import Audit, HistoryJournal
from medianest.web.auth import Tokens
from medianest.web.other_breakers import OtherBreaker

__all__ = ["Lifecycle", "Monitoring", "Parts", "parts", "routes_of"]


@dataclass
class Lifecycle:
    """When this process began to serve, and whether it is about to stop."""

    started_at: float
    draining: bool = False
    worker: str | None = None
    """The number of this process among several workers; None: there is one."""
    schema: str | None = None
    """The revision of the database's tables; None until it has been seen."""
    schema_is_current: bool = False
    is_preparing: bool = False
    """Whether this process still brings the tables to its version for the first time."""


@dataclass(frozen=True)
class Monitoring:
    """What looks at everything else."""

    monitor: HealthMonitor
    traffic: Traffic
    observer: Observer
    alerts: AlertManager
    journal: AlertJournal
    reporter: Reporter
    dependencies: DependencyRegistrar
    system: System
    counters: Counters
    openings: Openings
    is_of_users: Callable[[Route], bool]
    """Whether requests of a route say how people are served; those of probes do not."""
    places: Bulkhead | None
    """Those of requests; None: there is no limit."""


@dataclass(frozen=True)
class Parts:
    """What the views work with."""

    settings: Settings
    service: ResilienceService
    plex: Plex
    overseerr: Overseerr
    requests: MediaRequests
    database: Database
    redis: RedisServer | None
    """None: everything stays in this process."""
    queue_runner: QueueRunner
    queue_admin: QueueAdmin
    history: HistoryJournal
    audit: Audit
    cascade: CascadeMonitor
    tokens: Tokens
    overrides: OverrideKeeper
    monitoring: Monitoring
    other_breakers: Callable[[], Sequence[OtherBreaker]]
    """Those of this process that are no part of the registry."""
    lifecycle: Lifecycle = field(repr=False)
    rendered: dict[str, tuple[Report, str]] = field(default_factory=dict, repr=False)
    """Reports as text."""

    def once(self, name: str, report: Report, render: Callable[[], str]) -> str:
        """What `render()` makes of a report, made once for all who ask within its second."""
        known = self.rendered.get(name)
        if known is None or known[0] is not report:
            known = self.rendered[name] = report, render()
        return known[1]

    @property
    def uptime(self) -> float:
        """Seconds since this process began to serve."""
        return round(self.registry.clock.now() - self.lifecycle.started_at, 3)

    @property
    def registry(self) -> Registry:
        """The shared registry."""
        return self.service.registry


def routes_of(app: Flask, service: str) -> tuple[str, ...]:
    """The routes that call a service, as "GET /path"."""
    found = []
    for rule in app.url_map.iter_rules():
        endpoint = getattr(app.view_functions[rule.endpoint], "endpoint", None)
        if endpoint is not None and service in endpoint.services:
            methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
            found += [f"{method} {rule.rule}" for method in methods]
    return tuple(sorted(found))


def parts() -> Parts:
    """The parts of the current app."""
    return cast(Parts, current_app.extensions["medianest"])
