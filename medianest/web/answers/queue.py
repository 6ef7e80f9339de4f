"""What `/api/v1/resilience/queue` answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from medianest.queue.operations import State
from medianest.web.answers.base import AnswerModel, Count, Cursor, OperationId, Timestamp

__all__ = ["DeferredOperation", "DeferredOperations", "QueueFigures", "Retried"]


class DeferredOperation(AnswerModel):
    """What is to be done later, and how it stands with it."""

    id: OperationId
    handler: str
    idempotency_key: Annotated[str, Field(description="The same for what would be done twice.")]
    payload: dict[str, Any]
    state: State
    attempts: Annotated[int, Field(ge=0, description="Every run.")]
    failures: Annotated[int, Field(ge=0, description="Runs whose failure was its own.")]
    run_at: Annotated[
        Timestamp, Field(description="When it is due; while it runs, the end of its lease.")
    ]
    subject: Annotated[
        str | None, Field(description="Of one subject, one operation is under way at a time.")
    ]
    lane: Annotated[str | None, Field(description="What is held back together, such as a user.")]
    failing_since: Annotated[Timestamp | None, Field(description="The first failure of its own.")]
    in_doubt_since: Annotated[
        Timestamp | None,
        Field(description="Since then it may have been done: it is looked for before it is sent."),
    ]
    absent_since: Annotated[
        Timestamp | None, Field(description="It was not to be found at the service then.")
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
    damage: Annotated[str | None, Field(description="What of it cannot be read.")]


class Retried(AnswerModel):
    """How many dead letters are to be done again, and how many stay."""

    retried: Count
    kept: Annotated[
        int,
        Field(ge=0, description="The same is to be done already, or they cannot be read."),
    ]
    is_complete: Annotated[
        bool, Field(description="False when there was no time for all: ask again for the others.")
    ]


class QueueFigures(AnswerModel):
    """How many operations are in which state; null when the database cannot tell."""

    pending: Count | None
    running: Count | None
    done: Count | None
    dead: Count | None
    failing: Annotated[
        Count | None, Field(description="Of those that wait: failed by themselves three times.")
    ]
    oldest: Annotated[Timestamp | None, Field(description="Since when the oldest waits.")]


class DeferredOperations(AnswerModel):
    """Some deferred operations, newest first."""

    counts: QueueFigures
    held_back: Annotated[
        dict[str, str], Field(description="Handlers that do nothing now, and why.")
    ]
    operations: tuple[DeferredOperation, ...]
    next_cursor: Cursor
