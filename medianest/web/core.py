"""The core: what every app has whose resilience is looked at and steered, ours and any other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from flask import Response, current_app, g, has_request_context

from medianest.bridges.circuitbreaker.others import other_breakers
from medianest.health.change_history import ChangeHistory
from medianest.health.report import Report
from medianest.health.traffic import Routes, Traffic
from medianest.health.watch import Watch
from medianest.jobs import Lifecycle
from medianest.overrides.keeper import OverrideKeeper
from medianest.overrides.override import Override
from medianest.peers.roster import MemberState
from medianest.resilience import CircuitBreaker, Registry, ResilienceService
from medianest.resilience.cascade import CascadeMonitor, Work
from medianest.web.audit import Audit
from medianest.web.other_breakers import ForeignBreaker
from medianest.web.roles import Role
from medianest.web.trace import trace_id
from medianest.web.words import Environment

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from medianest.storage.journal import Journal
    from medianest.web.host_metrics import HostMetrics

__all__ = ["CORE", "Core", "Journals", "Registered", "core"]

CORE: Final = "medianest"
"""Where an app has it in its `extensions`."""


@dataclass(frozen=True, slots=True)
class Journals:
    """What a database keeps of what happened; None: what this process remembers is all."""

    history: Journal | None = None
    audit: Journal | None = None
    events: Journal | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """How a dependency is checked that was registered while the server was running."""

    url: str | None
    expected_status: str | None


class Core(ABC):
    """What views need of any app. Starts no thread and opens no connection. Whoever derives from
    it says what looks, where operators' words are kept, and who may do what."""

    title = "MediaNest"
    """Whose page it is."""
    base: str | None = ""
    """What comes before the paths of its endpoints; None: it has none."""
    names = ""
    """What comes before the names of our blueprints."""
    interval = 10.0
    """Seconds between checks."""
    check_timeout = 3.0
    """Seconds that a check may take."""
    refreshing = 1
    """How many may wait at once for checks that they have made run."""
    threads: int | None = None
    """Those that serve requests; None: nobody knows."""
    has_queue = False
    registers = False
    """Whether operators register dependencies while it runs."""
    signs_in = False
    """Whether there is a form that takes a token."""
    instead = "fallback"
    """What who asks gets of a dependency that is not called."""
    unkept = "it ends with this process"
    """What is said of an operator's word that is nowhere but here."""
    short_names: Mapping[str, str] = {}
    """Services by shorter names, which who asks may use."""

    monitoring: Watch
    overrides: OverrideKeeper
    audit: Audit
    journals = Journals()
    host_metrics: HostMetrics | None = None
    """The figures of all workers of the host; None: there are no others."""

    def __init__(self, service: ResilienceService, routes: Routes) -> None:
        registry = service.registry
        self.service = service
        self.registry: Registry = registry
        self.lifecycle = Lifecycle(started_at=registry.clock.now())
        self.started_at = registry.clock.utc()
        self.cascade = CascadeMonitor(registry, routes.of_service)
        self._suspend(registry)
        self.changes = ChangeHistory(self.lifecycle.process)
        self.other_breakers: Callable[[], Sequence[ForeignBreaker]] = partial(
            other_breakers, registry
        )
        """Those of this process that are no part of the registry."""
        self.rendered: dict[str, tuple[Report, str]] = {}
        """Reports as text."""
        self.catch_up: Callable[[], None] = lambda: None
        """Waits a moment for what other workers have said."""
        self.problem_page: Callable[[Mapping[str, Any]], Response | None] = lambda problem: None
        """A problem as a page, where the current request is a person's; None: it is no person's."""

    def is_looking(self) -> bool:
        """Whether the current request is of a browser that has signed in to look at the page."""
        return False

    @abstractmethod
    def authorize(self, role: Role) -> str:
        """Let only those pass who may do what that role may; who it is. Raises ProblemError."""

    @property
    @abstractmethod
    def environment(self) -> Environment:
        """Where it runs."""

    def unready(self) -> list[str]:
        """Why no requests should be sent here, beside what the health checks say."""
        return []

    def traffic(self) -> Traffic:
        """The requests of all workers of the host."""
        return self.monitoring.traffic

    def queue_figures(self) -> Mapping[str, Any]:
        """How many operations of its queue are in which state. Raises StorageError."""
        return {}

    def links(self) -> dict[str, str]:
        """Where programs go on from the front page."""
        if self.base is None:
            return {}
        return {"health": f"{self.base}/health", "status": f"{self.base}/status"}

    def not_configured(self) -> tuple[str, ...]:
        """The settings that are missing, and what is off without them."""
        return ()

    def is_public(self, setting: str) -> bool:
        """Whether a setting lets everybody in."""
        return False

    def families(self) -> Iterator[Metric]:
        """Metrics of what only this app has."""
        return iter(())

    def registered(self, name: str) -> Registered | None:
        """How a dependency was registered while the server was running; None: it was not."""
        return None

    def once(self, name: str, report: Report, render: Callable[[], str]) -> str:
        """What `render()` makes of a report, made once for all who ask within its second."""
        known = self.rendered.get(name)
        if known is None or known[0] is not report:
            known = self.rendered[name] = report, render()
        return known[1]

    def override_of(self, breaker: str) -> Override | None:
        """What an operator wants of a breaker, while that lasts."""
        return next((each for each in self.overrides.active() if each.breaker == breaker), None)

    def states_of(self, breaker: CircuitBreaker) -> Sequence[MemberState]:
        """How a breaker is in each worker process; nothing where they do not know each other."""
        return ()

    def breaker_names(self) -> set[str]:
        """The names of all circuit breakers of this process."""
        ours = {each.name for each in self.registry.breakers()}
        return ours | {each.name for each in self.other_breakers()}

    @property
    def uptime(self) -> float:
        """Seconds since this process began to serve."""
        return round(self.registry.clock.now() - self.lifecycle.started_at, 3)

    def _suspend(self, registry: Registry) -> None:
        """While trouble may spread, retries and what is optional wait."""
        cascade, recovery = self.cascade, self.service.recovery
        registry.suspend_retries = partial(cascade.why_suspended, Work.RETRY)
        recovery.ambient = _who_and_which
        recovery.suspended = lambda action: (
            cascade.why_suspended(Work.OPTIONAL) if action.optional else None
        )


def _who_and_which() -> Mapping[str, Any]:
    """For whom a call failed, and in which request."""
    user = g.get("actor") if has_request_context() else None
    return {"user": user, "correlation_id": trace_id()}


def core() -> Core:
    """That of the current app."""
    return cast(Core, current_app.extensions[CORE])
