"""The options as keywords, for type checkers and editors: they see one that is misspelt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from medianest.resilience.budget import RetryBudget, Usual
    from medianest.resilience.judging import FailureIf
    from medianest.resilience.options import (
        BulkheadOptions,
        CircuitBreakerOptions,
        RetryOptions,
        Scope,
    )
    from medianest.resilience.outcome import Expected
    from medianest.resilience.recovery.action import Concerns, Execute
    from medianest.resilience.recovery.good_answers import GoodAnswer

__all__ = [
    "BulkheadKeywords",
    "CircuitBreakerKeywords",
    "PolicyKeywords",
    "RecoveryActionKeywords",
    "RecoveryContextKeywords",
    "RetryKeywords",
]


class CircuitBreakerKeywords(TypedDict, total=False):
    """The fields of CircuitBreakerOptions."""

    failure_threshold: int
    monitoring_period: float
    reset_timeout: float
    half_open_max_calls: int
    expected_errors: Expected | Iterable[Expected] | None
    ignored_errors: Expected | Iterable[Expected] | None
    failure_rate_threshold: float
    slow_call_duration_threshold: float | None
    slow_call_rate_threshold: float
    minimum_number_of_calls: int
    backoff_factor: float
    max_reset_timeout: float
    jitter: float
    half_open_timeout: float
    counting: Literal["window", "consecutive"]
    failure_if: FailureIf | None


class RetryKeywords(TypedDict, total=False):
    """The fields of RetryOptions."""

    max_attempts: int
    initial_delay: float
    factor: float
    max_delay: float
    retry_on: Expected | Iterable[Expected] | None
    failure_if: FailureIf | None


class BulkheadKeywords(TypedDict, total=False):
    """The fields of BulkheadOptions."""

    max_concurrent: int
    max_wait: float
    max_waiting: int | None
    scope: Scope


class PolicyKeywords(TypedDict, total=False):
    """What a Policy takes."""

    circuit_breaker: CircuitBreakerOptions | CircuitBreakerKeywords | None
    retry: RetryOptions | RetryKeywords | int | None
    bulkhead: BulkheadOptions | BulkheadKeywords | int | None
    timeout: float | None
    expected_errors: Expected | Iterable[Expected] | None
    failure_if: FailureIf | None
    budget: RetryBudget | Usual | None


class RecoveryActionKeywords(TypedDict, total=False):
    """The fields of RecoveryAction that have no place of their own where one is registered."""

    concerns: Concerns
    rehearse: Execute | None
    suspend_for: float
    cooldown: float
    patience: float
    concurrent: bool
    serves_good_answers: bool
    optional: bool


class RecoveryContextKeywords(TypedDict, total=False):
    """The fields of RecoveryContext."""

    operation: str
    service: str
    correlation_id: str | None
    user: str | None
    metadata: Mapping[str, Any]
    good: GoodAnswer | None
    rehearsal: bool
    attempt: int
