"""A service with policies in every form."""

from typing import assert_type

from medianest.resilience import (
    BulkheadOptions,
    CircuitBreakerOptions,
    Dependency,
    Policy,
    ResilienceService,
    RetryOptions,
)

service = ResilienceService()
made = service.register_dependency(
    "plex",
    criticality="important",
    timeout=5,
    retry=2,
    circuit_breaker={"failure_threshold": 3, "expected_errors": "timeout"},
    bulkhead={"max_concurrent": 4},
    fallback=list,
    failure_if=lambda answer: answer.status_code >= 500,
)
assert_type(made, Dependency)
service.register_dependency(
    "tmdb", Policy(CircuitBreakerOptions(jitter=0), RetryOptions(2), BulkheadOptions(3), timeout=2)
)
service.register_dependency("seerr", depends_on=["tmdb"], retry={"max_attempts": 2}, budget=None)


@service.protected("plex")
def libraries(owner: str, *, hidden: bool = False) -> list[str]:
    return [owner] if hidden else []


assert_type(libraries("me", hidden=True), list[str])
assert_type(service.execute("plex", libraries, "me", hidden=True), list[str])
assert_type(service.execute_with_circuit_breaker("x", lambda: 1, lambda error: 2), int)
assert_type(service.execute_with_bulkhead("reports", lambda: "a", max_concurrent=4), str)
