"""The policy of a dependency: frozen configuration from which its pipeline is built."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.budget import USUAL, RetryBudget, Usual, checked_budget
from medianest.resilience.deadline import Deadline
from medianest.resilience.errors import ConfigurationError
from medianest.resilience.judging import FailureIf
from medianest.resilience.keywords import (
    BulkheadKeywords,
    CircuitBreakerKeywords,
    RetryKeywords,
)
from medianest.resilience.options import (
    BulkheadOptions,
    CircuitBreakerOptions,
    RetryOptions,
    as_options,
    freeze,
    positive,
    result_check,
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

_BREAKER: Final = CircuitBreakerOptions()
_RETRY: Final = RetryOptions()
_BULKHEAD: Final = BulkheadOptions()


@tells_arguments
@dataclass(frozen=True, init=False)
class Policy:
    """How a dependency is called:
    `Fallback > Recovery > Retry > CircuitBreaker > Bulkhead > Deadline`.

    A part is its options, a dict of them, or a whole number: the `max_attempts` of a retry, the
    `max_concurrent` of a bulkhead. One that is None is left out. `timeout` bounds each attempt, in
    seconds. `expected_errors` is the default for both the breaker's `expected_errors` and the
    retry's `retry_on`, and `failure_if` for that of both. `budget` pays for retries: where none is
    given that of the name in the registry; None: `max_attempts` is their only bound.
    """

    circuit_breaker: CircuitBreakerOptions | None
    retry: RetryOptions | None
    bulkhead: BulkheadOptions | None
    timeout: float | None
    expected_errors: Expected | Iterable[Expected] | None
    budget: RetryBudget | Usual | None
    failure_if: FailureIf | None

    def __init__(
        self,
        circuit_breaker: CircuitBreakerOptions | CircuitBreakerKeywords | None = _BREAKER,
        retry: RetryOptions | RetryKeywords | int | None = _RETRY,
        bulkhead: BulkheadOptions | BulkheadKeywords | int | None = _BULKHEAD,
        timeout: float | None = None,
        expected_errors: Expected | Iterable[Expected] | None = None,
        budget: RetryBudget | Usual | None = USUAL,
        failure_if: FailureIf | None = None,
    ) -> None:
        breaker = as_options(
            CircuitBreakerOptions, circuit_breaker, "circuit_breaker", takes_number=False
        )
        for name, value in (
            ("circuit_breaker", breaker),
            ("retry", as_options(RetryOptions, retry, "retry")),
            ("bulkhead", as_options(BulkheadOptions, bulkhead, "bulkhead")),
            ("timeout", timeout),
            ("expected_errors", expected_errors),
            ("budget", checked_budget("policy", budget)),
            ("failure_if", failure_if),
        ):
            object.__setattr__(self, name, value)
        self._check()

    def _check(self) -> None:
        if self.timeout is not None:
            positive(self, "timeout")
        self._check_wait_for_place()
        freeze(self, "expected_errors")
        matcher(self.expected_errors, "expected_errors")
        result_check(self)
        self._share("circuit_breaker", "expected_errors", self.expected_errors)
        self._share("retry", "retry_on", self.expected_errors)
        for part in ("circuit_breaker", "retry"):
            self._share(part, "failure_if", self.failure_if)

    def _check_wait_for_place(self) -> None:
        breaker, bulkhead = self.circuit_breaker, self.bulkhead
        slow = None if breaker is None else breaker.slow_call_duration_threshold
        if bulkhead is not None and slow is not None and bulkhead.max_wait >= slow:
            raise ConfigurationError(
                f"max_wait ({bulkhead.max_wait:g}) must be less than slow_call_duration_threshold "
                f"({slow:g}): waiting for a place would count as the dependency's slowness"
            )

    def _share(self, part: str, option: str, value: object) -> None:
        """Give a part what it does not say itself."""
        options = getattr(self, part)
        if options is not None and value is not None and getattr(options, option) is None:
            object.__setattr__(self, part, replace(options, **{option: value}))

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
            budget = registry.budget(name) if self.budget is USUAL else self.budget
            strategies.append(Retry(self.retry, name=name, budget=budget, clock=registry.clock))
        if self.circuit_breaker is not None:
            strategies.append(registry.breaker(name, self.circuit_breaker))
        if self.bulkhead is not None:
            strategies.append(registry.bulkhead(name, self.bulkhead))
        if self.timeout is not None:
            strategies.append(Deadline(self.timeout, name=name, clock=registry.clock))
        return Pipeline(name, strategies)
