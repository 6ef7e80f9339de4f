"""What `/api/v1/resilience/queue` answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from medianest.web.answers.base import AnswerModel, Count, Cursor, OperationId, Timestamp

__all__ = ["DeferredOperation", "DeferredOperations", "QueueFigures"]


class DeferredOperation(AnswerModel):
    """What is to be done later, and how it stands with it."""

    id: OperationId
    handler: str
    idempotency_key: Annotated[str, Field(description="The same for what would be done twice.")]
    payload: dict[str, Any]
    state: Literal["pending", "running", "done", "dead"]
    attempts: Annotated[int, Field(ge=0, description="Every run.")]
    failures: Annotated[int, Field(ge=0, description="Runs whose failure was its own.")]
    run_at: Annotated[
        Timestamp, Field(description="When it is due; while it runs, the end of its lease.")
    ]
    not_before: Annotated[
        Timestamp | None, Field(description="Until then it may be under way where it was sent.")
    ]
    shared: Annotated[bool, Field(description="Whether others than its maker wait for it.")]
    since: Annotated[Timestamp, Field(description="When it was made, or retried by hand.")]
    result: Any
    error_type: str | None
    error_message: str | None
    requested_by: str | None
    correlation_id: Annotated[str | None, Field(description="The trace id of the request.")]
    created_at: Timestamp
    updated_at: Timestamp
    finished_at: Timestamp | None


class QueueFigures(AnswerModel):
    """How many operations are in which state; null when the database cannot tell."""

    pending: Count | None
    running: Count | None
    done: Count | None
    dead: Count | None
    oldest: Annotated[Timestamp | None, Field(description="Since when the oldest waits.")]


class DeferredOperations(AnswerModel):
    """Some deferred operations, newest first."""

    counts: QueueFigures
    held_back: Annotated[
        dict[str, str], Field(description="Handlers that do nothing now, and why.")
    ]
    operations: tuple[DeferredOperation, ...]
    next_cursor: Cursor
