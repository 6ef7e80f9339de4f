"""All decorated circuit breakers by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from medianest.bridges.circuitbreaker.breaker import CircuitBreaker

__all__ = ["CircuitBreakerMonitor"]


class CircuitBreakerMonitor:
    """Finds circuit breakers; the latest to decorate under a name has it."""

    circuit_breakers: ClassVar[dict[str | None, CircuitBreaker]] = {}

    @classmethod
    def register(cls, circuit_breaker: CircuitBreaker) -> None:
        """Add a circuit breaker under its name."""
        cls.circuit_breakers[circuit_breaker.name] = circuit_breaker

    @classmethod
    def get(cls, name: str | None) -> CircuitBreaker | None:
        """The circuit breaker of that name."""
        return cls.circuit_breakers.get(name)

    @classmethod
    def get_circuits(cls) -> list[CircuitBreaker]:
        """All of them."""
        # A list, because a module that is imported meanwhile would change a view under iteration.
        return list(cls.circuit_breakers.values())

    @classmethod
    def get_open(cls) -> Iterator[CircuitBreaker]:
        """Those that refuse calls."""
        return (breaker for breaker in cls.get_circuits() if breaker.opened)

    @classmethod
    def get_closed(cls) -> Iterator[CircuitBreaker]:
        """Those that are closed."""
        return (breaker for breaker in cls.get_circuits() if breaker.closed)

    @classmethod
    def all_closed(cls) -> bool:
        """Whether none refuses calls."""
        return not any(cls.get_open())
