"""What errors carry."""

from typing import assert_type

from medianest.resilience import (
    BulkheadFullError,
    CallRefusedError,
    CircuitOpenError,
    ConfigurationError,
    DeadlineExceededError,
    ResilienceError,
)


def wait_of(error: ResilienceError) -> float:
    if isinstance(error, CallRefusedError):
        assert_type(error.name, str)
        return error.retry_after or 0.0
    return 1.0 if isinstance(error, ConfigurationError) else 2.0


def is_late(error: TimeoutError) -> bool:
    return isinstance(error, DeadlineExceededError)


wait_of(CircuitOpenError("plex", 2.5))
wait_of(BulkheadFullError("plex", None))
is_late(DeadlineExceededError("plex", None))
