"""What the queue does not take or do, for callers that need to know why."""

from __future__ import annotations

from medianest.resilience.counted import counted
from medianest.resilience.errors import PortableError

__all__ = ["IdempotencyError", "OperationConflictError", "PayloadError", "QueueFullError"]


class PayloadError(ValueError):
    """A payload that cannot be kept, or not be read by who is to do it: too large, no JSON, with
    secrets in it, of another version."""


class IdempotencyError(Exception):
    """An idempotency key came again with something else."""


class OperationConflictError(Exception):
    """The state of an operation does not allow what was asked."""


class QueueFullError(PortableError):
    """No more operations are kept: for this client, or for anybody where `client` is None."""

    retry_after = 30.0

    def __init__(self, waiting: int, client: str | None) -> None:
        whose = f" of {client}" if client is not None else ""
        wait = "waits" if waiting == 1 else "wait"
        kept = f"{counted(waiting, 'operation')}{whose} {wait} or could not be done"
        super().__init__(f"{kept}, and no more are kept")
        self.client = client
