"""Readings that a test writes itself, and a manager that follows them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from types import SimpleNamespace
from typing import Any

from medianest.health.alerts import Alert, AlertManager, AlertOptions, RuleResult, Silences
from medianest.health.thresholds import Severity
from medianest.resilience import ManualClock

WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


class Alerting:
    """`says(severity)` is what the rules say from now on; `run(seconds)` evaluates every second.
    `told` is what came out, as "state severity" with the second in which it did."""

    def __init__(
        self, clock: ManualClock, claim: Callable[..., Any] = lambda alert: True, **options: Any
    ) -> None:
        self.clock = clock
        self.started = clock.now()
        self.readings: list[RuleResult] = []
        self.lately: Collection[str] = frozenset()
        claims = SimpleNamespace(claim=claim, claim_alone=lambda alert: True)
        self.silences = Silences(clock)
        self.manager = AlertManager(
            AlertOptions(**options), self.read, claims=claims, silences=self.silences, clock=clock
        )
        self.alerts: list[Alert] = []
        self.told: list[tuple[int, str]] = []
        self.manager.sinks.append(self.note)

    def read(self, lately: Collection[str]) -> list[RuleResult]:
        self.lately = lately
        return list(self.readings)

    def note(self, alert: Alert) -> None:
        at = round(self.clock.now() - self.started)
        word = alert.state if alert.state == "resolved" else alert.severity.name.lower()
        self.alerts.append(alert)
        self.told.append((at, word))

    def says(
        self,
        severity: Severity | None,
        rule: Any = "error-rate",
        subject: str = "system",
        **fields: Any,
    ) -> None:
        self.readings = [RuleResult(rule, subject, severity, message="it is so", **fields)]

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.manager.evaluate()
            self.clock.advance(1)
