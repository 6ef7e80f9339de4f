"""The container of the app: everything that its views use, in `app.extensions["medianest"]`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

from flask import current_app, g, has_request_context

from medianest.bridges.circuitbreaker.others import other_breakers
from medianest.cache.redis import RedisServer
from medianest.config import Settings
from medianest.health.change_history import ChangeHistory
from medianest.health.report import Report
from medianest.health.traffic import Routes
from medianest.jobs import Job, Lifecycle
from medianest.media.media import Media
from medianest.monitoring.monitoring import Monitoring
from medianest.overrides.file import OverrideFile
from medianest.overrides.keeper import OverrideKeeper
from medianest.overrides.store import OverrideStore
from medianest.queue.queue import Queue
from medianest.resilience import Bulkhead, ErrorRecoveryManager, Registry, ResilienceService
from medianest.resilience.cascade import CascadeMonitor, Work
from medianest.storage.storage import Storage
from medianest.web.auth import Tokens
from medianest.web.other_breakers import ForeignBreaker
from medianest.web.trace import trace_id

__all__ = ["Container", "container"]


class Container:
    """Each room of the app, built in the order in which they need each other. Starts no thread
    and opens no connection. `places` are those of requests."""

    def __init__(
        self, settings: Settings, registry: Registry, routes: Routes, places: Bulkhead | None
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.lifecycle = Lifecycle(started_at=registry.clock.now())
        self.started_at = registry.clock.utc()
        self.cascade = CascadeMonitor(registry, routes.of_service)
        registry.suspend_retries = partial(self.cascade.why_suspended, Work.RETRY)
        self.service = ResilienceService(registry, recovery=self._recovery())
        self.changes = ChangeHistory(self.lifecycle.process)
        self.storage = Storage(settings, self.service, self.changes)
        self.redis = _redis(settings, self.service)
        self.queue = Queue(settings.queue, self.service, self.storage.database, self.cascade)
        self.media = Media(settings, self.service, self.redis, self.queue)
        self.overrides = OverrideKeeper(
            registry,
            OverrideFile(settings.instance_path / "overrides.json", registry.clock),
            OverrideStore(self.storage.database),
        )
        self.tokens = Tokens(settings, registry.clock)
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
        self.other_breakers: Callable[[], Sequence[ForeignBreaker]] = partial(
            other_breakers, registry
        )
        """Those of this process that are no part of the registry."""
        self.rendered: dict[str, tuple[Report, str]] = {}
        """Reports as text."""

    def jobs(self) -> list[Job]:
        """What is done beside the requests."""
        return [
            *self.storage.jobs(),
            *self.overrides.jobs(self.settings.health.interval),
            *self.queue.jobs(lambda: self.lifecycle.is_ending),
            *self.media.jobs(),
            *self.monitoring.jobs(),
            *self.tokens.jobs(),
        ]

    def close(self) -> None:
        """Close the idle connections."""
        self.media.close()
        if self.redis is not None:
            self.redis.close()
        self.storage.close()

    def once(self, name: str, report: Report, render: Callable[[], str]) -> str:
        """What `render()` makes of a report, made once for all who ask within its second."""
        known = self.rendered.get(name)
        if known is None or known[0] is not report:
            known = self.rendered[name] = report, render()
        return known[1]

    def breaker_names(self) -> set[str]:
        """The names of all circuit breakers of this process."""
        ours = {each.name for each in self.registry.breakers()}
        return ours | {each.name for each in self.other_breakers()}

    @property
    def uptime(self) -> float:
        """Seconds since this process began to serve."""
        return round(self.registry.clock.now() - self.lifecycle.started_at, 3)

    def _recovery(self) -> ErrorRecoveryManager:
        cascade = self.cascade
        return ErrorRecoveryManager(
            clock=self.registry.clock,
            ambient=_who_and_which,
            suspended=lambda action: (
                cascade.why_suspended(Work.OPTIONAL) if action.optional else None
            ),
        )


def _redis(settings: Settings, service: ResilienceService) -> RedisServer | None:
    """None: everything stays in this process."""
    if settings.redis.url is None:
        return None
    url = settings.redis.url.get_secret_value()
    return RedisServer(url, settings.redis, service, threads=settings.threads)


def _who_and_which() -> dict[str, Any]:
    """For whom a call failed, and in which request."""
    user = g.get("actor") if has_request_context() else None
    return {"user": user, "correlation_id": trace_id()}


def container() -> Container:
    """That of the current app."""
    return cast(Container, current_app.extensions["medianest"])
