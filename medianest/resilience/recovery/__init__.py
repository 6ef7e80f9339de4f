"""Error recovery: what is tried after a call has failed, in order, and what became of it."""

from medianest.resilience.recovery.action import (
    RETRY_OPERATION,
    Declined,
    RecoveryAction,
    RecoveryContext,
)
from medianest.resilience.recovery.builtin import (
    breaker_reset,
    default_response,
    graceful_degradation,
)
from medianest.resilience.recovery.good_answers import GoodAnswer, GoodAnswers, cache_fallback
from medianest.resilience.recovery.history import RecoveryHistory
from medianest.resilience.recovery.manager import ErrorRecoveryManager, Prediction
from medianest.resilience.recovery.operations import (
    CIRCUIT_OPEN,
    NamedOperation,
    NamedOperations,
)
from medianest.resilience.recovery.record import RecoveryRecord, Step
from medianest.resilience.recovery.strategy import Recovery

__all__ = [
    "CIRCUIT_OPEN",
    "RETRY_OPERATION",
    "Declined",
    "ErrorRecoveryManager",
    "GoodAnswer",
    "GoodAnswers",
    "NamedOperation",
    "NamedOperations",
    "Prediction",
    "Recovery",
    "RecoveryAction",
    "RecoveryContext",
    "RecoveryHistory",
    "RecoveryRecord",
    "Step",
    "breaker_reset",
    "cache_fallback",
    "default_response",
    "graceful_degradation",
]
