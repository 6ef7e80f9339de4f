"""The policy of a dependency: frozen configuration from which its pipeline is built."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from medianest.resilience.deadline import Deadline
from medianest.resilience.errors import ConfigurationError
from medianest.resilience.options import (
    BulkheadOptions,
    CircuitBreakerOptions,
    RetryOptions,
    freeze,
    positive,
)
from medianest.resilience.outcome import Expected, matcher
from medianest.resilience.pipeline import Pipeline
from medianest.resilience.recovery.strategy import Recovery
from medianest.resilience.retry import Retry
from medianest.resilience.strategy import Strategy

if TYPE_CHECKING:
    from medianest.resilience.fallback import Fallback
    from medianest.resilience.recovery import ErrorRecoveryManager
    from medianest.resilience.registry import Registry

__all__ = ["Policy"]


@dataclass(frozen=True)
class Policy:
    """How a dependency is called:
    `Fallback > Recovery > Retry > CircuitBreaker > Bulkhead > Deadline`.

    A part that is None is left out. `timeout` bounds each attempt, in seconds. `expected_errors`
    is the default for both the breaker's `expected_errors` and the retry's `retry_on`.
    """

    circuit_breaker: CircuitBreakerOptions | None = field(default_factory=CircuitBreakerOptions)
    retry: RetryOptions | None = field(default_factory=RetryOptions)
    bulkhead: BulkheadOptions | None = field(default_factory=BulkheadOptions)
    timeout: float | None = None
    expected_errors: Expected | Iterable[Expected] | None = None

    def __post_init__(self) -> None:
        for name, kind in (
            ("circuit_breaker", CircuitBreakerOptions),
            ("retry", RetryOptions),
            ("bulkhead", BulkheadOptions),
        ):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise ConfigurationError(f"{name} must be {kind.__name__} or None, not {value!r}")
        if self.timeout is not None:
            positive(self, "timeout")
        self._check_wait_for_place()
        freeze(self, "expected_errors")
        matcher(self.expected_errors, "expected_errors")
        if self.expected_errors is not None:
            self._share_expected_errors()

    def _check_wait_for_place(self) -> None:
        breaker, bulkhead = self.circuit_breaker, self.bulkhead
        slow = None if breaker is None else breaker.slow_call_duration_threshold
        if bulkhead is not None and slow is not None and bulkhead.max_wait >= slow:
            raise ConfigurationError(
                f"max_wait ({bulkhead.max_wait:g}) must be less than slow_call_duration_threshold "
                f"({slow:g}): waiting for a place would count as the dependency's slowness"
            )

    def _share_expected_errors(self) -> None:
        breaker, retry = self.circuit_breaker, self.retry
        if breaker is not None and breaker.expected_errors is None:
            breaker = replace(breaker, expected_errors=self.expected_errors)
            object.__setattr__(self, "circuit_breaker", breaker)
        if retry is not None and retry.retry_on is None:
            retry = replace(retry, retry_on=self.expected_errors)
            object.__setattr__(self, "retry", retry)

    def build(
        self,
        name: str,
        registry: Registry,
        fallback: Fallback | None = None,
        recovery: ErrorRecoveryManager | None = None,
    ) -> Pipeline:
        """The pipeline for `name`; its breaker, bulkhead and budget are the registry's."""
        strategies: list[Strategy] = [fallback] if fallback is not None else []
        if recovery is not None:
            strategies.append(Recovery(recovery, service=name))
        if self.retry is not None:
            budget, clock = registry.budget(name), registry.clock
            strategies.append(Retry(self.retry, name=name, budget=budget, clock=clock))
        if self.circuit_breaker is not None:
            strategies.append(registry.breaker(name, self.circuit_breaker))
        if self.bulkhead is not None:
            strategies.append(registry.bulkhead(name, self.bulkhead))
        if self.timeout is not None:
            strategies.append(Deadline(self.timeout, name=name, clock=registry.clock))
        return Pipeline(name, strategies)
