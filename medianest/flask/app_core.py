"""The core of an app that is not ours: everything in its memory, and nothing that it has not."""

from __future__ import annotations

from flask import Flask

from medianest.flask.gate import Gate
from medianest.flask.shared import Shared
from medianest.health.change_history import ChangeEvent
from medianest.health.traffic import Routes
from medianest.health.used_breakers import UsedBreakers
from medianest.health.watch import Watch
from medianest.jobs import Job
from medianest.resilience import Bulkhead
from medianest.resilience.events import StateChanged
from medianest.web.audit import RecentAudit
from medianest.web.core import Core
from medianest.web.roles import Role
from medianest.web.words import Environment

__all__ = ["AppCore"]

_SETTLE_SECONDS = 1.0


class AppCore(Core):
    """What is known of one app."""

    names = "medianest."

    def __init__(
        self,
        app: Flask,
        shared: Shared,
        gate: Gate,
        routes: Routes,
        places: Bulkhead | None,
        *,
        base: str | None,
        metrics: str | None,
    ) -> None:
        service = shared.service
        super().__init__(service, routes)
        self.title, self.base = app.name, base
        self._app, self._gate, self._metrics = app, gate, metrics
        self.audit = RecentAudit(self.registry.clock)
        self.overrides = shared.overrides(app.config["RESILIENCE_FOLDER"])
        self._peers = shared.peers
        self.monitoring = Watch(
            service,
            service.monitor,
            self.cascade,
            routes,
            system=shared.system,
            places=places,
            dependencies=UsedBreakers(self.registry).dependencies,
        )
        self.changes.concerns = self._concerns

    def jobs(self) -> list[Job]:
        """What is done beside the requests."""
        settle = self.service.recovery.history.settle
        peers = [] if self._peers is None else [self._peers.job()]
        return [
            *peers,
            *self.overrides.jobs(self.interval),
            *self.monitoring.jobs(),
            Job(name="settle the history", run=settle, every=_SETTLE_SECONDS),
        ]

    def authorize(self, role: Role) -> str:
        """Whom the app lets do that. Raises ProblemError, or the app's own answer."""
        return self._gate.admit(role)

    @property
    def environment(self) -> Environment:
        """As the app is run."""
        if self._app.testing:
            return "testing"
        return "development" if self._app.debug else "production"

    def links(self) -> dict[str, str]:
        """Where programs go on from the front page."""
        metrics = {} if self._metrics is None else {"metrics": self._metrics}
        return {**super().links(), **metrics}

    def _concerns(self, change: ChangeEvent) -> bool:
        """Whether that is of this app: others in the process have changes of the same names."""
        if isinstance(change, StateChanged):
            breaker = self.registry.find_breaker(change.name)
            return breaker is not None and breaker.is_origin_of(change)
        return change.origin in (id(self.monitoring.monitor), id(self.monitoring.alerts))
