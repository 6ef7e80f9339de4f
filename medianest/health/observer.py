"""The observer: sees the dependencies, the components and the traffic of a system together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime

from medianest.health.alerts.system_view import SystemView
from medianest.health.component import ComponentHealth
from medianest.health.dependencies import DependencyHealth
from medianest.health.monitor import HealthMonitor
from medianest.health.status import Status
from medianest.health.traffic import Traffic
from medianest.resilience import Dependency, Registry

__all__ = ["Observer", "StatusChanges"]


class Observer:
    """Looks at everything now; waits for nothing. `unused` are the dependencies that are not
    configured; `dependencies()` are all, those of the registry unless it is given."""

    def __init__(
        self,
        registry: Registry,
        monitor: HealthMonitor,
        traffic: Traffic,
        unused: Collection[str] = (),
        dependencies: Callable[[], list[Dependency]] | None = None,
    ) -> None:
        self.registry = registry
        self.monitor = monitor
        self.traffic = traffic
        self._unused = frozenset(unused)
        self._dependencies = dependencies or registry.dependencies
        self._changes = StatusChanges()

    def observe(self) -> tuple[list[DependencyHealth], list[ComponentHealth]]:
        """The dependencies, and the components that are no dependency's."""
        checks = {component.name: component for component in self.monitor.components()}
        registered = self._dependencies()
        found = [self._observed(each, checks.get(each.name)) for each in registered]
        names = {each.name for each in registered}
        return found, [check for check in checks.values() if check.name not in names]

    def _observed(self, each: Dependency, check: ComponentHealth | None) -> DependencyHealth:
        found = DependencyHealth.of(each, check, each.name not in self._unused)
        return self._changes.dated(found, self.registry.clock.utc())

    def view(self, lately: Collection[str]) -> SystemView:
        """The same for the rules of alerts."""
        found, components = self.observe()
        return SystemView(
            dependencies={each.name: each for each in found},
            components={component.name: component for component in components},
            breakers=self.registry.breakers(),
            traffic=self.traffic,
            lately=lately,
        )


class StatusChanges:
    """Remembers the status that each dependency was seen with last. A breaker that goes from open
    to half open and back is news of the breaker, and none of a dependency that stays degraded.
    Two that look at once see the same, so it takes no lock."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Status, datetime | None]] = {}

    def dated(self, found: DependencyHealth, now: datetime) -> DependencyHealth:
        """The same, with the time when its status changed."""
        before = self._seen.get(found.name)
        if before is None or before[0] is not found.status:
            before = self._seen[found.name] = found.status, self._moment(found, before, now)
        return replace(found, since=before[1])

    @staticmethod
    def _moment(
        found: DependencyHealth, before: tuple[Status, datetime | None] | None, now: datetime
    ) -> datetime | None:
        """When those who look have seen it change; now, where that is older than the change
        before."""
        if before is None or before[1] is None or (found.since and found.since > before[1]):
            return found.since
        return now
