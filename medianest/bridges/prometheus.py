"""A collector for `prometheus_client`: what a registry keeps, read when it is scraped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from medianest.extras import extra

with extra("prometheus"):
    import prometheus_client.registry
    from prometheus_client.core import Metric

from medianest import metrics
from medianest.health import HealthMonitor
from medianest.health.counters import Counters
from medianest.health.observer import Observer
from medianest.health.traffic import Traffic
from medianest.resilience import ConfigurationError, ErrorRecoveryManager, Registry
from medianest.resilience.arguments import tells_arguments

__all__ = ["Collector"]


@tells_arguments
class Collector(prometheus_client.registry.Collector):
    """Breakers, bulkheads, retries, shared calls and fallbacks of a registry; with a `monitor` the
    health of its dependencies, with a recovery manager what its actions did.

        prometheus_client.REGISTRY.register(Collector(service.registry))

    The families are those of `/metrics` of the server. Retries that helped and fallbacks that
    answered are counted in the whole process, from when the collector is made.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        monitor: HealthMonitor | None = None,
        recovery: ErrorRecoveryManager | None = None,
    ) -> None:
        if not isinstance(registry, Registry):
            raise ConfigurationError(
                f"a Collector takes a Registry, such as service.registry, not {registry!r:.200}"
            )
        self._registry = registry
        self._recovery = recovery
        self._observer = None
        if monitor is not None:
            self._observer = Observer(registry, monitor, Traffic(registry.clock))
        self._counters = Counters()

    def describe(self) -> Iterable[Metric]:
        """Nothing: they are known when they are collected."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families."""
        registry = self._registry
        yield from metrics.breakers(breaker.snapshot() for breaker in registry.breakers())
        yield from metrics.bulkheads(bulkhead.snapshot() for bulkhead in registry.bulkheads())
        yield from metrics.flights(
            (coalesce.snapshot() for coalesce in registry.flights()),
            (patience.snapshot() for patience in registry.patiences()),
        )
        yield from metrics.retries(registry.budgets(), self._counters)
        if self._recovery is not None:
            yield from metrics.recoveries(self._recovery.history.statistics())
        if self._observer is not None:
            yield from metrics.health(*self._observer.observe())
