"""The decorator `@circuit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from medianest.bridges.circuitbreaker.breaker import CircuitBreaker
from medianest.bridges.circuitbreaker.predicate import Expected

__all__ = ["circuit"]

F = TypeVar("F", bound=Callable[..., Any])


@overload
def circuit(failure_threshold: F) -> F: ...


@overload
def circuit(
    failure_threshold: float | None = None,
    recovery_timeout: float | None = None,
    expected_exception: Expected | None = None,
    name: str | None = None,
    fallback_function: Callable[..., Any] | None = None,
    cls: type[CircuitBreaker] = CircuitBreaker,
) -> CircuitBreaker: ...


def circuit(
    failure_threshold: Any = None,
    recovery_timeout: float | None = None,
    expected_exception: Expected | None = None,
    name: str | None = None,
    fallback_function: Callable[..., Any] | None = None,
    cls: type[CircuitBreaker] = CircuitBreaker,
) -> Any:
    """Decorate a function with a circuit breaker: `@circuit` or `@circuit(...)`."""
    if callable(failure_threshold):
        return cls().decorate(failure_threshold)
    return cls(
        failure_threshold=failure_threshold,
        recovery_timeout=recovery_timeout,
        expected_exception=expected_exception,
        name=name,
        fallback_function=fallback_function,
    )
