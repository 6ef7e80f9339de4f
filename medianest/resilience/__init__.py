"""Resilience for any synchronous Python call: circuit breaker, retry, bulkhead, deadline,
coalescing, patience, fallback and error recovery, composed to pipelines. Needs the standard
library and blinker only."""

from medianest.resilience.budget import RetryBudget
from medianest.resilience.bulkhead import Bulkhead, Place
from medianest.resilience.circuit_breaker.breaker import CircuitBreaker, Permit
from medianest.resilience.circuit_breaker.states import State
from medianest.resilience.clock import Clock, ManualClock, SystemClock
from medianest.resilience.coalesce import Coalesce
from medianest.resilience.deadline import Deadline, remaining
from medianest.resilience.errors import (
    BulkheadFullError,
    CallOverdueError,
    CallRefusedError,
    CircuitOpenError,
    ConfigurationError,
    DeadlineExceededError,
    FailedResultError,
    PatienceExceededError,
    ResilienceError,
    UnknownNameError,
)
from medianest.resilience.fallback import Fallback
from medianest.resilience.last_good import LastGood, MemoryLastGood
from medianest.resilience.options import BulkheadOptions, CircuitBreakerOptions, RetryOptions
from medianest.resilience.outcome import Outcome
from medianest.resilience.patience import Patience
from medianest.resilience.pipeline import Pipeline
from medianest.resilience.policy import Policy
from medianest.resilience.pool import FlightPool
from medianest.resilience.recovery import (
    RETRY_OPERATION,
    Declined,
    ErrorRecoveryManager,
    Recovery,
    RecoveryAction,
    RecoveryContext,
)
from medianest.resilience.registry import (
    Criticality,
    Dependency,
    DependencyType,
    Registry,
    default_registry,
)
from medianest.resilience.retry import Retry
from medianest.resilience.service import ResilienceService
from medianest.resilience.snapshot import (
    BreakerSnapshot,
    BulkheadSnapshot,
    CoalesceSnapshot,
    PatienceSnapshot,
)
from medianest.resilience.strategy import DeferredSettlement, Strategy

__all__ = [
    "RETRY_OPERATION",
    "BreakerSnapshot",
    "Bulkhead",
    "BulkheadFullError",
    "BulkheadOptions",
    "BulkheadSnapshot",
    "CallOverdueError",
    "CallRefusedError",
    "CircuitBreaker",
    "CircuitBreakerOptions",
    "CircuitOpenError",
    "Clock",
    "Coalesce",
    "CoalesceSnapshot",
    "ConfigurationError",
    "Criticality",
    "Deadline",
    "DeadlineExceededError",
    "Declined",
    "DeferredSettlement",
    "Dependency",
    "DependencyType",
    "ErrorRecoveryManager",
    "FailedResultError",
    "Fallback",
    "FlightPool",
    "LastGood",
    "ManualClock",
    "MemoryLastGood",
    "Outcome",
    "Patience",
    "PatienceExceededError",
    "PatienceSnapshot",
    "Permit",
    "Pipeline",
    "Place",
    "Policy",
    "Recovery",
    "RecoveryAction",
    "RecoveryContext",
    "Registry",
    "ResilienceError",
    "ResilienceService",
    "Retry",
    "RetryBudget",
    "RetryOptions",
    "State",
    "Strategy",
    "SystemClock",
    "UnknownNameError",
    "default_registry",
    "remaining",
]
