"""Readings that a test writes itself, and a manager that follows them."""

from __future__ import annotations

from types import SimpleNamespace

from medianest.health.alerts import AlertManager, AlertOptions, RuleResult
from medianest.health.thresholds import Severity

WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


class Alerting:
    """`says(severity)` is what the rules say from now on; `run(seconds)` evaluates every second.
    `told` is what came out, as "state severity" with the second in which it did."""

    def __init__(self, clock, claim=lambda alert: True, **options):
        self.clock = clock
        self.started = clock.now()
        self.readings = []
        self.lately = frozenset()
        claims = SimpleNamespace(claim=claim, claim_alone=lambda alert: True)
        self.manager = AlertManager(AlertOptions(**options), self.read, claims=claims, clock=clock)
        self.alerts, self.told = [], []
        self.manager.sinks.append(self.note)

    def read(self, lately):
        self.lately = lately
        return list(self.readings)

    def note(self, alert):
        at = round(self.clock.now() - self.started)
        word = alert.state if alert.state == "resolved" else alert.severity.name.lower()
        self.alerts.append(alert)
        self.told.append((at, word))

    def says(self, severity, rule="error-rate", subject="system", **fields):
        self.readings = [RuleResult(rule, subject, severity, message="it is so", **fields)]

    def run(self, seconds):
        for _ in range(seconds):
            self.manager.evaluate()
            self.clock.advance(1)
