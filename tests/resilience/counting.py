"""What a breaker has counted."""

from __future__ import annotations

from medianest.resilience import CircuitBreaker


def figures(breaker: CircuitBreaker) -> tuple[int, int, int]:
    snapshot = breaker.snapshot()
    return (snapshot.counts.successes, snapshot.counts.failures, snapshot.in_flight)
