"""The container of the server: everything that its views use, in `app.extensions["medianest"]`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

from flask import current_app
from prometheus_client.core import Metric

from medianest.cache.handover import Handover
from medianest.cache.redis import RedisServer
from medianest.config import Settings, missing
from medianest.dependencies.shown import shown_url
from medianest.health.traffic import Routes, Traffic
from medianest.jobs import Job
from medianest.media.media import Media
from medianest.media.plex.client import SERVICE as PLEX
from medianest.monitoring.monitoring import Monitoring
from medianest.monitoring.sharing import SharingCheck, check_sharing
from medianest.monitoring.together import Together
from medianest.peers.reception import Reception
from medianest.peers.roster import MemberState
from medianest.queue.queue import Queue
from medianest.resilience import (
    Bulkhead,
    CircuitBreaker,
    ErrorRecoveryManager,
    Registry,
    ResilienceService,
)
from medianest.storage import schema
from medianest.storage.storage import Storage
from medianest.web.auth import Tokens
from medianest.web.core import CORE, Core, Journals, Registered
from medianest.web.guesses import share_guesses
from medianest.web.host import Host
from medianest.web.host_metrics import HostMetrics
from medianest.web.host_traffic import HostTraffic
from medianest.web.roles import Role
from medianest.web.server_metrics import (
    dropped_records,
    failed_attempts,
    last_good,
    left_out,
    sharing,
)
from medianest.web.words import Environment

__all__ = ["Container", "container"]


_CATCH_UP: Final = 0.05
"""Seconds; it takes less than one thousandth of one."""


class Container(Core):
    """Each room of the app, built in the order in which they need each other. Starts no thread
    and opens no connection. `places` are those of requests."""

    has_queue = registers = signs_in = True
    instead = "last good answer"
    unkept = "it is kept when the database is back"
    short_names: Mapping[str, str] = {"plex": PLEX}
    monitoring: Monitoring

    def __init__(
        self, settings: Settings, registry: Registry, routes: Routes, places: Bulkhead | None
    ) -> None:
        recovery = ErrorRecoveryManager(clock=registry.clock)
        super().__init__(ResilienceService(registry, recovery=recovery), routes)
        self.settings = settings
        self.storage = Storage(settings, self.service, self.changes)
        self.audit = self.storage.audit
        self.journals = Journals(self.storage.history, self.storage.audit, self.storage.events)
        self.redis = _redis(settings, self.service)
        self.queue = Queue(settings.queue, self.service, self.storage.database, self.cascade)
        self.media = Media(settings, self.service, self.redis, self.queue)
        self.host = host = Host(settings, registry, self.storage.database, self.lifecycle)
        self.overrides = host.overrides
        self.catch_up = partial(host.peers.catch_up, _CATCH_UP)
        self.handover = None if self.redis is not None else self._handover()
        self.tokens = Tokens(settings, registry.clock)
        self.looker: Callable[[], bool] = lambda: False
        """Tells whether the current request is of a browser that has signed in."""
        self.monitoring = Monitoring(
            settings,
            self.service,
            self.storage,
            self.redis,
            self.queue,
            self.media,
            self.cascade,
            routes,
            places,
        )
        tiers = [] if host.link is None else [host.link]
        sharing_check = SharingCheck(registry, host.peers, host.is_one_of_several, tiers)
        self.monitoring.monitor.add(check_sharing(settings.health, sharing_check))
        self.reception = Reception(host.peers, host.folder, registry.clock)
        self.together = Together(self.monitoring, self.media.plex, host.peers, registry.clock)
        share_guesses(self.tokens.throttle, host.peers, registry.clock)
        self.host_metrics = HostMetrics(self, host.board)
        self._traffic = HostTraffic(self.monitoring.traffic, host.board, registry.clock)
        self.interval = settings.health.interval
        self.check_timeout = settings.health.timeout
        self.threads = settings.threads
        self.refreshing = max(1, (settings.threads - settings.in_flight_limit) // 2)

    def jobs(self) -> list[Job]:
        """What is done beside the requests."""
        return [
            *self.storage.jobs(),
            *self.host.jobs(),
            self.reception.job(),
            self.together.job(),
            *([] if self.handover is None else [self.handover.job()]),
            *self.host.jobs_of_overrides(),
            *self.queue.jobs(lambda: self.lifecycle.is_ending),
            *self.media.jobs(),
            *self.monitoring.jobs(),
            *self.tokens.jobs(),
        ]

    def _handover(self) -> Handover:
        host, lifecycle = self.host, self.lifecycle
        return Handover(
            self.media.plex.memory,
            host.folder,
            host.peers,
            self.registry.clock,
            lambda: lifecycle.is_replaced,
        )

    def close(self) -> None:
        """Close the idle connections."""
        self.media.close()
        if self.redis is not None:
            self.redis.close()
        self.storage.close()

    def is_looking(self) -> bool:
        """Whether the current request is of a browser that has signed in to look at the page."""
        return self.looker()

    def authorize(self, role: Role) -> str:
        """Who has the token of a role. Raises ProblemError."""
        return self.tokens.authorize(role)

    @property
    def environment(self) -> Environment:
        """As it is set."""
        return self.settings.env

    def unready(self) -> list[str]:
        """Why no requests should be sent here: its tables are not those of this version."""
        migrator = self.storage.migrator
        if self.settings.env == "testing" or migrator.is_current:
            return []
        return [_schema_reason(migrator.revision)]

    def traffic(self) -> Traffic:
        """The requests of all workers of the host."""
        return self._traffic.gather()

    def queue_figures(self) -> Mapping[str, Any]:
        """How many operations are in which state. Raises StorageError."""
        return self.queue.admin.figures()

    def links(self) -> dict[str, str]:
        """Where programs go on from the front page."""
        return {
            "health": "/api/v1/health",
            "status": "/api/v1/resilience/status",
            "documentation": "/docs",
            "openapi": "/docs/openapi.json",
            "metrics": "/metrics",
        }

    def not_configured(self) -> tuple[str, ...]:
        """The settings that are missing, and what is off without them."""
        return missing(self.settings)

    def is_public(self, setting: str) -> bool:
        """Whether a setting lets everybody in."""
        return bool(getattr(self.settings, setting))

    def families(self) -> Iterator[Metric]:
        """Metrics of what only the server has."""
        yield last_good(self.media.plex.last_good_figures())
        yield left_out()
        yield failed_attempts(self.tokens.throttle)
        yield dropped_records()
        yield from sharing(self.host.peers)

    def states_of(self, breaker: CircuitBreaker) -> Sequence[MemberState]:
        """As the workers have told each other."""
        return self.host.peers.roster.states_of(breaker)

    def registered(self, name: str) -> Registered | None:
        """How an operator registered a dependency; None: nobody did."""
        found = self.monitoring.dependencies.definition(name)
        if found is None:
            return None
        url = found.health_check_url
        return Registered(shown_url(url) if url else None, found.statuses().text if url else None)


def _schema_reason(found: str | None) -> str:
    if found is None:
        return "the database has not been reached yet"
    return f"the database is not ready: {schema.in_words(found)}: run medianest db upgrade"


def _redis(settings: Settings, service: ResilienceService) -> RedisServer | None:
    """None: everything stays in this process."""
    if settings.redis.url is None:
        return None
    url = settings.redis.url.get_secret_value()
    return RedisServer(url, settings.redis, service, threads=settings.threads)


def container() -> Container:
    """That of the current app, which is the server's own."""
    return cast(Container, current_app.extensions[CORE])
