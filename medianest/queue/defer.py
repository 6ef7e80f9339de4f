"""The recovery action that keeps for later what could not be done now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from medianest.queue.operations import Lease, Operation
from medianest.queue.runner import QueueRunner
from medianest.resilience import CallRefusedError, Declined, RecoveryAction, RecoveryContext
from medianest.storage.errors import StorageError

__all__ = ["DEFERRED", "Deferral", "Deferred", "queue_for_later"]

DEFERRED: Final = "deferred"
"""The name in a context's metadata under which an operation can be deferred: a Deferral, or the
Lease of one that is in the queue already."""


@dataclass(frozen=True, slots=True)
class Deferral:
    """What to put into the queue when it cannot be done now."""

    handler: str
    payload: Mapping[str, Any]
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """The answer in the place of a result: it will be done later."""

    operation: Operation


def queue_for_later(
    runner: QueueRunner, *, name: str = "queue-for-later", priority: int = 4
) -> RecoveryAction:
    """Puts an operation whose context says how into the queue, unless doing it later is no help:
    an error that its handler calls permanent."""

    def should_execute(error: Exception, context: RecoveryContext) -> bool | Declined:
        deferral = context.metadata.get(DEFERRED)
        if not isinstance(deferral, Deferral | Lease):
            return Declined("the operation cannot be done later")
        known = deferral.handler if isinstance(deferral, Deferral) else deferral.operation.handler
        handler = next((h for h in runner.handlers if h.name == known), None)
        if handler is None:
            return Declined(f"there is no handler {known!r}")
        if isinstance(error, handler.permanent):
            return Declined("retrying is no help: the error is permanent")
        if isinstance(error, handler.told_at_once):
            return Declined("the error is for the caller to know at once")
        return True

    def execute(error: Exception, context: RecoveryContext) -> Deferred:
        deferral = context.metadata[DEFERRED]
        if isinstance(deferral, Lease):
            return Deferred(_reschedule(runner, deferral, error))
        accepted = runner.queue.enqueue(
            deferral.handler,
            deferral.payload,
            deferral.idempotency_key,
            requested_by=context.user,
            correlation_id=context.correlation_id,
        )
        return Deferred(accepted.operation)

    return RecoveryAction(
        name=name,
        priority=priority,
        should_execute=should_execute,
        execute=execute,
        concerns=lambda context: DEFERRED in context.metadata,
        rehearse=lambda error, context: None,  # a request that nobody made is not to be done
        concurrent=True,
        suspend_for=0.0,  # that one cannot be kept says nothing of the next
    )


def _reschedule(runner: QueueRunner, lease: Lease, error: Exception) -> Operation:
    runner.note_failure(lease, error)
    try:
        return runner.queue.get(lease.operation.id) or lease.operation
    except (StorageError, CallRefusedError):  # it is in the database, whatever it says just now
        return lease.operation
