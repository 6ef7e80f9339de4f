"""The public surface of the `circuitbreaker` package on medianest's circuit breaker.

Code written for that package runs unchanged: write `from medianest.bridges.circuitbreaker import
circuit` where it says `from circuitbreaker import circuit`. Who is admitted and what counts is
decided by `medianest.resilience`, and decorated breakers are in its `default_registry`, where
operators see and steer them.
"""

from medianest.bridges.circuitbreaker.breaker import CircuitBreaker
from medianest.bridges.circuitbreaker.decorator import circuit
from medianest.bridges.circuitbreaker.error import CircuitBreakerError
from medianest.bridges.circuitbreaker.monitor import CircuitBreakerMonitor
from medianest.bridges.circuitbreaker.predicate import (
    STRING_TYPES,
    build_failure_predicate,
    in_exception_list,
)
from medianest.bridges.circuitbreaker.state import STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN

__all__ = [
    "STATE_CLOSED",
    "STATE_HALF_OPEN",
    "STATE_OPEN",
    "STRING_TYPES",
    "CircuitBreaker",
    "CircuitBreakerError",
    "CircuitBreakerMonitor",
    "build_failure_predicate",
    "circuit",
    "in_exception_list",
]
