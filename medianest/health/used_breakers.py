"""Circuit breakers that are no registered dependency's, such as those of guards around views: what
they protect is something that the program needs all the same."""

from __future__ import annotations

from medianest.resilience import CircuitBreaker, Dependency, Pipeline, Registry, State
from medianest.resilience.strategy import Strategy

__all__ = ["UsedBreakers"]


class UsedBreakers:
    """The dependencies of a registry, and beside them a dependency for each other breaker as soon
    as it has been called, or is not closed; once it is reset, too. Thread-safe."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._made: dict[CircuitBreaker, Dependency] = {}

    def dependencies(self) -> list[Dependency]:
        """All of them, the registered ones first."""
        registered = self._registry.dependencies()
        names = {name for each in registered for name in _names_of(each)}
        others = (each for each in self._registry.breakers() if each.name not in names)
        return [*registered, *(self._of(each) for each in others if self._is_used(each))]

    def _of(self, breaker: CircuitBreaker) -> Dependency:
        known = self._made.get(breaker)
        if known is None:
            bulkhead = self._registry.find_bulkhead(breaker.name)
            parts: list[Strategy] = [breaker] if bulkhead is None else [breaker, bulkhead]
            pipeline = Pipeline(breaker.name, parts)
            known = Dependency(breaker.name, "important", pipeline, type="internal-service")
            self._made[breaker] = known
        return known

    def _is_used(self, breaker: CircuitBreaker) -> bool:
        if breaker in self._made:
            return True
        totals = breaker.snapshot().totals
        return breaker.state is not State.CLOSED or totals.successes + totals.failures > 0


def _names_of(dependency: Dependency) -> set[str]:
    operations = {operation.name for operation in dependency.operations}
    return {dependency.name, dependency.service, *operations}
