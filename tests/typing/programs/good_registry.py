"""Parts by their names."""

from typing import assert_type

from medianest.resilience import (
    Bulkhead,
    CircuitBreaker,
    CircuitBreakerOptions,
    Registry,
    RetryBudget,
    State,
)

registry = Registry(parent=Registry())
assert_type(registry.breaker("plex", CircuitBreakerOptions(failure_threshold=2)), CircuitBreaker)
assert_type(
    registry.breaker("tmdb", failure_threshold=2, slow_call_duration_threshold=None), CircuitBreaker
)
assert_type(registry.bulkhead("plex", max_concurrent=2), Bulkhead)
assert_type(registry.budget("plex"), RetryBudget)
counts: dict[State, int] = {breaker.state: 1 for breaker in registry.breakers()}
names: list[str] = [f"{state}" for state in counts]
