"""What looks at a system: its traffic, its health, its alerts, and the report of them all."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, Protocol

from medianest.health.alerts import AlertManager, AlertOptions, Rules, Silence, Silences
from medianest.health.alerts.manager import Claims
from medianest.health.counters import Counters
from medianest.health.monitor import HealthMonitor
from medianest.health.observer import Observer
from medianest.health.openings import Openings
from medianest.health.report import Reporter
from medianest.health.series import Series
from medianest.health.system import System
from medianest.health.traffic import Incoming, Routes, Traffic
from medianest.jobs import Job
from medianest.resilience import Bulkhead, Dependency, ResilienceService
from medianest.resilience.cascade import CascadeMonitor

__all__ = ["SilenceBook", "Watch"]

_FOLLOW_SECONDS: Final = 1.0


class SilenceBook(Protocol):
    """Where silences of alerts are written, and read."""

    def silence(self, key: str, seconds: float, reason: str, actor: str) -> Silence:
        """Tell nobody of that alert for so long."""

    def end(self, key: str) -> Silence | None:
        """Have an alert told again; None when it was not silenced."""

    def of(self, key: str) -> Silence | None:
        """The silence of an alert, while it lasts."""

    def active(self) -> list[Silence]:
        """Those that last now, by their keys."""


class Watch:
    """Everything that looks at one process. Starts no thread, and asks nobody before it is told to.

    `monitor` has the checks; `places` are those of requests, None where there is no limit; `unused`
    are dependencies that are not configured. `claims` says which of several processes tells people.
    Alerts are evaluated `every` so many seconds. `dependencies()` are what is looked at; those of
    the registry, unless it is given.
    """

    def __init__(
        self,
        service: ResilienceService,
        monitor: HealthMonitor,
        cascade: CascadeMonitor,
        routes: Routes,
        *,
        system: System,
        places: Bulkhead | None = None,
        options: AlertOptions | None = None,
        unused: Collection[str] = (),
        claims: Claims | None = None,
        silences: Silences | None = None,
        every: float = 5.0,
        dependencies: Callable[[], list[Dependency]] | None = None,
    ) -> None:
        registry, clock = service.registry, service.registry.clock
        options = options if options is not None else AlertOptions()
        self.monitor, self.system = monitor, system
        self.routes, self.places = routes, places
        self.traffic = Traffic(clock)
        self.observer = Observer(registry, monitor, self.traffic, unused, dependencies)
        silences = silences if silences is not None else Silences(clock)
        self.silences: SilenceBook = silences
        rules = Rules(options, self.observer.view, routes.services_of, routes.of_service)
        self.alerts = AlertManager(
            options, rules.read, claims=claims, silences=silences, clock=clock
        )
        statistics = service.recovery.history.statistics
        self.reporter = Reporter(self.observer, self.alerts, cascade, statistics)
        self.series = Series(registry, self.traffic, routes, dependencies)
        self.counters = Counters()
        self.openings = Openings(registry)
        self._every = every
        self.evaluate: Callable[[], object] = self.alerts.evaluate
        """Judges the alerts, or has another process do so."""

    def jobs(self) -> list[Job]:
        """What is done beside the requests. Checks have jobs of their own."""
        return [
            Job(
                name="evaluate alerts",
                run=lambda: self.evaluate(),
                every=self._every,
                must_go_on=True,
            ),
            Job(name="follow the figures", run=self.series.follow, every=_FOLLOW_SECONDS),
        ]

    def incoming(self) -> Incoming:
        """How much came over the last minute on the routes on which people are served."""
        known = self.traffic.routes()
        return self.traffic.incoming(each for each in known if self.routes.serves_people(each))

    def keeps(self, silence: Silence) -> bool:
        """Whether a silence outlives the process."""
        return False
