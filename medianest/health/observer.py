"""The observer: sees the dependencies, the components and the traffic of a system together."""

from __future__ import annotations

from collections.abc import Collection

from medianest.health.alerts.rules import SystemView
from medianest.health.changes import Changes
from medianest.health.component import ComponentHealth
from medianest.health.dependencies import DependencyHealth
from medianest.health.monitor import HealthMonitor
from medianest.health.traffic import Traffic
from medianest.resilience import Dependency, Registry

__all__ = ["Observer"]


class Observer:
    """Looks at everything now; waits for nothing. `unused` are the dependencies that are not
    configured."""

    def __init__(
        self,
        registry: Registry,
        monitor: HealthMonitor,
        traffic: Traffic,
        unused: Collection[str] = (),
    ) -> None:
        self.registry = registry
        self.monitor = monitor
        self.traffic = traffic
        self._unused = frozenset(unused)
        self._changes = Changes()

    def look(self) -> tuple[list[DependencyHealth], list[ComponentHealth]]:
        """The dependencies, and the components that are no dependency's."""
        checks = {component.name: component for component in self.monitor.components()}
        registered = self.registry.dependencies()
        found = [self._look_at(each, checks.get(each.name)) for each in registered]
        names = {each.name for each in registered}
        return found, [check for check in checks.values() if check.name not in names]

    def _look_at(self, each: Dependency, check: ComponentHealth | None) -> DependencyHealth:
        found = DependencyHealth.of(each, check, each.name not in self._unused)
        return self._changes.dated(found, self.registry.clock.utc())

    def sight(self, lately: Collection[str]) -> SystemView:
        """The same for the rules of alerts."""
        found, components = self.look()
        return SystemView(
            dependencies={each.name: each for each in found},
            components={component.name: component for component in components},
            breakers=self.registry.breakers(),
            traffic=self.traffic,
            lately=lately,
        )
