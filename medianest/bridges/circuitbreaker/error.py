"""The error of a refused call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medianest.resilience import CircuitOpenError

if TYPE_CHECKING:
    from medianest.bridges.circuitbreaker.breaker import CircuitBreaker

__all__ = ["CircuitBreakerError"]


class CircuitBreakerError(CircuitOpenError):
    """The circuit is open. A CallRefusedError too, so that retries and guards know it as one."""

    def __init__(self, circuit_breaker: CircuitBreaker, *args: Any) -> None:
        super().__init__(*args)
        self._circuit_breaker = circuit_breaker

    @property
    def name(self) -> str:
        """The name of the circuit breaker."""
        return str(self._circuit_breaker)

    @property
    def retry_after(self) -> float:
        """Seconds after which another try is worth it."""
        return float(max(1, self._circuit_breaker.open_remaining))

    def __str__(self) -> str:
        breaker = self._circuit_breaker
        return (
            f'Circuit "{breaker.name}" OPEN until {breaker.open_until} '
            f"({breaker.failure_count} failures, {breaker.open_remaining} sec remaining) "
            f"(last_failure: {breaker.last_failure!r})"
        )
