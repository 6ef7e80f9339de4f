"""The report: everything about the system at one instant, made at most once a second."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from medianest.health.alerts import Alert, AlertManager
from medianest.health.component import ComponentHealth
from medianest.health.dependencies import DependencyHealth
from medianest.health.events import alert_changed, health_changed
from medianest.health.observer import Observer, StatusChanges
from medianest.health.score import Score
from medianest.health.status import Status, overall_status
from medianest.health.thresholds import Severity
from medianest.health.traffic import Figures
from medianest.resilience import (
    BreakerSnapshot,
    BulkheadSnapshot,
    CoalesceSnapshot,
    Criticality,
    PatienceSnapshot,
)
from medianest.resilience.cascade import CascadeMonitor, CascadeRisk
from medianest.resilience.events import state_changed

__all__ = ["Report", "Reporter"]

FRESH = 1.0
"""Seconds for which a report is good enough for everybody who asks."""


@dataclass(frozen=True, slots=True)
class Report:
    """One consistent look at everything."""

    at: datetime
    status: Status
    score: Score
    dependencies: tuple[DependencyHealth, ...]
    components: tuple[ComponentHealth, ...]
    """Those that are no dependency's."""
    breakers: tuple[BreakerSnapshot, ...]
    bulkheads: tuple[BulkheadSnapshot, ...]
    flights: tuple[CoalesceSnapshot, ...]
    patiences: tuple[PatienceSnapshot, ...]
    firing: tuple[Alert, ...]
    pending: tuple[Alert, ...]
    again: tuple[Alert, ...]
    """Of these, what does not work again, and nobody is told again so soon."""
    risk: CascadeRisk
    minute: Figures
    since_start: Figures
    in_flight: int
    recovery: Mapping[str, Mapping[str, Any]]
    recommendations: tuple[str, ...]

    @property
    def troubles(self) -> tuple[Alert, ...]:
        """What is known to be wrong, told or not."""
        return _troubles(self.firing, self.again)


class Reporter:
    """Makes reports. Waits for nothing, and holds no lock: two at once make two, and no harm."""

    def __init__(
        self,
        observer: Observer,
        alerts: AlertManager,
        cascade: CascadeMonitor,
        recovery: Callable[[], Mapping[str, Mapping[str, Any]]],
    ) -> None:
        self._observer = observer
        self._alerts = alerts
        self._cascade = cascade
        self._recovery = recovery
        self._latest: tuple[float, Report] | None = None
        self._changes = StatusChanges()
        self._forgotten = 0
        for signal in (state_changed, health_changed, alert_changed):
            signal.connect(self.forget)

    def report(self) -> Report:
        """The report of this second."""
        latest, now = self._latest, self._observer.registry.clock.now()
        if latest is not None and now - latest[0] < FRESH:
            return latest[1]
        forgotten, made = self._forgotten, self._made()
        if forgotten == self._forgotten:
            self._latest = now, made
        return made

    def forget(self, _: object = None) -> None:
        """Something has just changed that everybody should see at once."""
        self._forgotten += 1
        self._latest = None

    def _made(self) -> Report:
        registry, traffic = self._observer.registry, self._observer.traffic
        looked, components = self._observer.observe()
        firing = self._alerts.firing()
        risk = self._cascade.assess()
        utc = registry.clock.utc()
        dependencies = [self._changes.dated(_under_alert(each, firing), utc) for each in looked]
        seen = {
            breaker.name: breaker
            for found in dependencies
            for breaker in (found.breaker, *found.operations)
            if breaker is not None
        }
        again = _again(self._alerts.again(), dependencies)
        minute, ever = traffic.figures()
        return Report(
            at=utc,
            status=_overall(dependencies, components, firing),
            score=Score.of(dependencies, components, firing),
            dependencies=tuple(dependencies),
            components=tuple(components),
            breakers=tuple(seen.get(b.name) or b.snapshot() for b in registry.breakers()),
            bulkheads=tuple(bulkhead.snapshot() for bulkhead in registry.bulkheads()),
            flights=tuple(coalesce.snapshot() for coalesce in registry.flights()),
            patiences=tuple(patience.snapshot() for patience in registry.patiences()),
            firing=tuple(firing),
            pending=tuple(self._alerts.pending()),
            again=again,
            risk=risk,
            minute=minute,
            since_start=ever,
            in_flight=traffic.in_flight,
            recovery=self._recovery(),
            recommendations=_recommendations(
                _troubles(firing, again), dependencies, components, risk
            ),
        )


def _under_alert(found: DependencyHealth, firing: Iterable[Alert]) -> DependencyHealth:
    """While a critical alert about it fires, it is not well, whatever its check says."""
    alert = next((a for a in firing if a.subject == found.name and _is_critical(a)), None)
    if alert is None or found.status.severity_rank >= Status.DEGRADED.severity_rank:
        return found
    since = alert.fired_at or alert.since
    return replace(found, status=Status.DEGRADED, message=alert.message, since=since)


def _is_critical(alert: Alert) -> bool:
    return alert.severity is Severity.CRITICAL


def _overall(
    dependencies: Iterable[DependencyHealth],
    components: Iterable[ComponentHealth],
    firing: Iterable[Alert],
) -> Status:
    parts = [(d.dependency.criticality, d.status) for d in dependencies if d.is_used]
    parts += [(c.criticality, c.status) for c in components]
    whole: Criticality = "important"
    parts += [(whole, Status.DEGRADED) for alert in firing if _is_critical(alert)]
    return overall_status(parts)


_UNWELL: Final = (Status.DEGRADED, Status.UNHEALTHY)

_OF_CHECKS: Final = ("dependency-down", "dependency-trouble")
"""Rules that say what the checks of a dependency have found, without a wait of their own."""


def _again(quiet: Iterable[Alert], dependencies: Iterable[DependencyHealth]) -> tuple[Alert, ...]:
    unwell = {d.name for d in dependencies if d.status in _UNWELL}
    return tuple(each for each in quiet if each.rule in _OF_CHECKS and each.subject in unwell)


def _troubles(firing: Iterable[Alert], again: Iterable[Alert]) -> tuple[Alert, ...]:
    return tuple(sorted([*firing, *again], key=Alert.urgency))


def _worst_first(dependencies: Iterable[DependencyHealth]) -> list[DependencyHealth]:
    """Those that are unwell."""
    unwell = [each for each in dependencies if each.is_used and each.status in _UNWELL]
    return sorted(unwell, key=lambda each: -each.status.severity_rank)


def _recommendations(
    troubles: Iterable[Alert],
    dependencies: Iterable[DependencyHealth],
    components: Iterable[ComponentHealth],
    risk: CascadeRisk,
) -> tuple[str, ...]:
    """What to do next, the most urgent first."""
    found = [f"{alert.message}: {alert.advice}" for alert in troubles]
    told = {alert.subject for alert in troubles} | {alert.rule for alert in troubles}
    advised = {each.name: each.recommendations for each in risk.dependencies}
    for each in _worst_first(dependencies):
        if each.name not in told:
            found += advised.get(each.name) or [f"{each.name}: {each.message}"]
    found += [
        f"{component.name}: {component.message}"
        for component in components
        if component.status is not Status.HEALTHY and component.message
        if component.name not in told
    ]
    found += [advice for name, each in advised.items() if name not in told for advice in each]
    return tuple(dict.fromkeys(found))
