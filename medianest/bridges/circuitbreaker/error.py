"""The error of a refused call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from medianest.resilience import CircuitOpenError

if TYPE_CHECKING:
    from medianest.bridges.circuitbreaker.breaker import CircuitBreaker

__all__ = ["CircuitBreakerError"]


class _Repr(str):
    """What an object looked like."""

    __slots__ = ()
    __repr__ = str.__str__


@dataclass(frozen=True)
class _Remembered:
    """A circuit breaker as it was: it cannot travel to another process itself."""

    name: str
    open_until: datetime
    failure_count: int
    open_remaining: int
    is_forced_open: bool
    last_failure: object

    def __str__(self) -> str:
        return self.name


def _remember(breaker: CircuitBreaker | _Remembered) -> _Remembered:
    if isinstance(breaker, _Remembered):
        return breaker
    return _Remembered(
        str(breaker),
        breaker.open_until,
        breaker.failure_count,
        breaker.open_remaining,
        breaker.is_forced_open,
        _Repr(repr(breaker.last_failure)),
    )


class CircuitBreakerError(CircuitOpenError):
    """The circuit is open. A CallRefusedError too, so that retries and guards know it as one."""

    def __init__(self, circuit_breaker: CircuitBreaker | _Remembered, *args: Any) -> None:
        super().__init__(*args)
        self._circuit_breaker = circuit_breaker

    def __reduce__(self) -> tuple[Any, ...]:
        rebuild, (kind, args, state) = super().__reduce__()
        state = {**state, "_circuit_breaker": _remember(self._circuit_breaker)}
        return rebuild, (kind, args, state)

    @property
    def name(self) -> str:
        """The name of the circuit breaker."""
        return str(self._circuit_breaker)

    @property
    def retry_after(self) -> float | None:
        """Seconds after which another try is worth it; None while an operator has it open."""
        breaker = self._circuit_breaker
        return None if breaker.is_forced_open else float(max(1, breaker.open_remaining))

    def __str__(self) -> str:
        breaker = self._circuit_breaker
        if breaker.is_forced_open:
            return f'Circuit "{breaker.name}" OPEN: an operator has opened it'
        return (
            f'Circuit "{breaker.name}" OPEN until {breaker.open_until} '
            f"({breaker.failure_count} failures, {breaker.open_remaining} sec remaining) "
            f"(last_failure: {breaker.last_failure!r})"
        )
