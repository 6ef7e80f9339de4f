"""A whole system in one place: dependencies, their checks, breakers, traffic, and the rules."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from medianest.health import Check, CheckResult, HealthMonitor, Status
from medianest.health.alerts import Alert, AlertManager, AlertOptions, RuleResult, Rules
from medianest.health.observer import Observer
from medianest.health.thresholds import Severity
from medianest.health.traffic import Traffic
from medianest.monitoring.monitoring import let_in
from medianest.resilience import BulkheadOptions, Criticality, ManualClock, ResilienceService

SERVICES = {"/libraries": ("plex-api",), "/requests": ("shop",), "/about": (), "/health": None}


class World:
    """`down` are the dependencies whose checks fail, `unwell` those that have something to
    complain about, `broken` those whose calls fail. Each step is a second: every ten of them
    checks run, every five alerts are looked at."""

    def __init__(self, clock: ManualClock, **options: Any) -> None:
        self.clock = clock
        self.service = ResilienceService(clock=clock)
        self.registry = self.service.registry
        self.monitor = HealthMonitor(clock, on_change=partial(let_in, self.registry))
        self.monitor.beat()
        self.traffic = Traffic(clock)
        self.observer = Observer(self.registry, self.monitor, self.traffic)
        routes = {"plex-api": ["GET /libraries"], "shop": ["GET /requests"]}
        self.rules = Rules(
            AlertOptions(**options),
            self.observer.view,
            lambda route: SERVICES[route.route],
            lambda service: routes.get(service, ()),
        )
        self.manager = AlertManager(self.rules.options, self.rules.read, clock=clock)
        self.told: list[Alert] = []
        self.manager.sinks.append(lambda alert: self.told.append(alert))
        self.down: set[str] = set()
        self.unwell: set[str] = set()
        self.broken: set[str] = set()
        self.seconds = 0

    def depend(
        self,
        name: str,
        criticality: Criticality = "important",
        *,
        service: str | None = None,
        depends_on: Sequence[str] = (),
        **options: Any,
    ) -> None:
        """Have a dependency with a check."""
        self.service.register_dependency(
            name, criticality=criticality, service=service, depends_on=depends_on, retry=None,
            bulkhead=BulkheadOptions(50), **options,
        )  # fmt: skip
        self.check(name, lambda: self.look(name), criticality=criticality)

    def check(self, name: str, run: Callable[..., Any] | type[CheckResult], **options: Any) -> None:
        self.monitor.add(Check(name, run, **options))

    @contextmanager
    def hanging(self, name: str, criticality: Criticality) -> Iterator[Callable[[], None]]:
        """Have a check that hangs from when it is begun to the end of the block."""
        begun, leave = threading.Event(), threading.Event()

        def run() -> CheckResult:
            begun.set()
            leave.wait(10)
            return CheckResult()

        def begin() -> None:
            thread.start()
            assert begun.wait(10)

        self.check(name, run, criticality=criticality)
        thread = threading.Thread(target=self.monitor.run, args=(name,))
        yield begin
        leave.set()
        thread.join(10)

    def look(self, name: str) -> CheckResult:
        if name in self.down:
            return CheckResult(Status.UNHEALTHY, "connection refused")
        if name in self.unwell:
            return CheckResult(Status.DEGRADED, "it has just begun")
        return CheckResult()

    def call(self, name: str, took: float = 0.0) -> bool:
        """One call through the pipeline of a dependency; whether it came through."""

        def operation() -> None:
            self.clock.advance(took)
            if name in self.broken:
                raise ConnectionError("connection refused")

        with suppress(Exception):
            self.service.execute(name, operation)
            return True
        return False

    def ask(self, route: str, status: int = 200, took: float = 0.0, times: int = 1) -> None:
        """Requests that were answered just now."""
        for _ in range(times):
            self.traffic.end(self.traffic.begin() - took, "GET", route, status)

    def read(self, lately: Sequence[str] = ()) -> dict[tuple[str, str], RuleResult]:
        """What each rule says of each subject now."""
        found = self.rules.read(lately)
        return {(reading.rule, reading.subject): reading for reading in found}

    def severity(self, rule: str, subject: str = "system") -> Severity | None:
        return self.read()[rule, subject].severity

    def checks(self) -> None:
        for check in self.monitor.checks():
            self.monitor.run(check.name)

    def run(self, seconds: int, each: Callable[..., Any] = lambda: None) -> None:
        for _ in range(seconds):
            each()
            if self.seconds % 10 == 0:
                self.checks()
            if self.seconds % 5 == 0:
                self.manager.evaluate()
            self.monitor.beat()
            self.clock.advance(1)
            self.seconds += 1

    @property
    def words(self) -> list[tuple[str, str, str]]:
        return [(alert.state, alert.rule, alert.subject) for alert in self.told]
