"""`/api/v1/resilience/queue`: what waits to be done, and what could not be done."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from medianest.queue.operations import Operation, State
from medianest.storage.selection import Cursor
from medianest.web.audited import audited
from medianest.web.container import container
from medianest.web.endpoint import endpoint
from medianest.web.models import AnswerModel, Count, ErrorDetail, NextCursor, RecordId, Timestamp
from medianest.web.parameters import CursorPage, Handler
from medianest.web.problem_kinds import READING, WRITING
from medianest.web.problems import ProblemError, invalid
from medianest.web.schemas import ReasonBody, RetryDead
from medianest.web.views.queue_figures import QueueFigures

__all__ = ["DeferredOperation", "OperationPage", "blueprint"]


_APART = frozenset({"error_type", "error_message", "first_sent_at"})
"""What an answer has in another shape, or not at all."""


class DeferredOperation(AnswerModel):
    """An operation that is done later, and its progress."""

    id: RecordId
    handler: str
    idempotency_key: Annotated[
        str, Field(description="Two operations with the same key are done once.")
    ]
    payload: dict[str, Any]
    state: State
    attempts: Annotated[int, Field(ge=0, description="How often it was tried.")]
    failures: Annotated[
        int,
        Field(
            ge=0,
            description="How often it failed for a reason of its own, not because of an outage.",
        ),
    ]
    run_at: Annotated[
        Timestamp, Field(description="When it is tried next; while it runs, when its lease ends.")
    ]
    subject: Annotated[
        str | None, Field(description="Only one operation with the same subject runs at a time.")
    ]
    lane: Annotated[
        str | None,
        Field(description="Operations of one lane wait together, such as those for one user."),
    ]
    first_failed_at: Annotated[
        Timestamp | None,
        Field(
            validation_alias="failing_since",
            description="When it first failed for a reason of its own.",
        ),
    ]
    in_doubt_at: Annotated[
        Timestamp | None,
        Field(
            validation_alias="in_doubt_since",
            description="When its answer was lost: it may have been done, so it is looked for "
            "before it is sent again.",
        ),
    ]
    not_found_at: Annotated[
        Timestamp | None,
        Field(
            validation_alias="absent_since",
            description="When it was looked for at the service and not found.",
        ),
    ]
    shared: Annotated[bool, Field(description="Whether more than one caller waits for it.")]
    accepted_at: Annotated[
        Timestamp,
        Field(
            validation_alias="since",
            description="When it was made, or last retried by an operator.",
        ),
    ]
    result: Any
    error: Annotated[ErrorDetail | None, Field(description="Of its last run, if that failed.")]
    requested_by: str | None
    trace_id: Annotated[
        str | None, Field(validation_alias="correlation_id", description="Of the request.")
    ]
    created_at: Timestamp
    updated_at: Timestamp
    finished_at: Timestamp | None
    damage: Annotated[
        str | None, Field(description="Which of its parts cannot be read; null: all can.")
    ]

    @classmethod
    def of(cls, operation: Operation) -> DeferredOperation:
        """As it stands."""
        error = ErrorDetail.of(operation.error_type, operation.error_message)
        known = {
            name: getattr(operation, name) for name in operation.__slots__ if name not in _APART
        }
        return cls.model_validate({**known, "error": error})


class RetriedLetters(AnswerModel):
    """How many dead letters are retried, and how many stay dead."""

    retried: Count
    kept: Annotated[
        int,
        Field(
            ge=0,
            description="How many stay dead: the same operation is pending already, or they "
            "cannot be read.",
        ),
    ]
    is_complete: Annotated[
        bool, Field(description="False when there was no time for all: ask again for the others.")
    ]


class QueueFilter(CursorPage):
    """Which deferred operations."""

    state: Annotated[State | None, Field(examples=["dead"])] = None
    handler: Handler | None = None


class OperationPage(AnswerModel):
    """Some deferred operations, newest first."""

    queue: QueueFigures
    blocked: Annotated[
        dict[str, str], Field(description="Handlers that wait now, with the reason.")
    ]
    items: tuple[DeferredOperation, ...]
    next: NextCursor


blueprint = Blueprint("queue", __name__, url_prefix="/api/v1/resilience/queue")

_acts = partial(endpoint, "operator", body_required=False, problems=("conflict", *WRITING))

Id = Annotated[
    str,
    Field(
        pattern="^[0-9a-f]{32}$",
        description="As the queue lists it.",
        examples=["01a22cb25f8b000008fdc0cdf042b74a"],
    ),
]


@blueprint.get("", strict_slashes=False)
@endpoint(
    "viewer",
    operation_id="list_queued_operations",
    query=QueueFilter,
    answers={200: OperationPage},
    problems=READING,
)
def list_queued_operations(query: QueueFilter) -> OperationPage:
    """Deferred operations, newest first, and how many are in which state."""
    _known(query.handler)
    queue_admin = container().queue.admin
    found, cursor = queue_admin.page(
        state=query.state,
        handler=query.handler,
        after=Cursor.parse(query.cursor),
        limit=query.limit,
    )
    blocked = {
        handler.name: why
        for handler in container().queue.runner.handlers
        if (why := container().queue.runner.blocked_reason(handler)) is not None
    }
    return OperationPage(
        queue=QueueFigures.model_validate(queue_admin.figures()),
        blocked=blocked,
        items=tuple(map(DeferredOperation.of, found)),
        next=None if cursor is None else str(cursor),
    )


@blueprint.post("/dead-letters/retry")
@endpoint(
    "operator",
    operation_id="retry_dead_letters",
    body=RetryDead,
    body_required=False,
    answers={200: RetriedLetters},
    problems=WRITING,
)
def retry_dead_letters(body: RetryDead) -> RetriedLetters:
    """Retry all dead letters, or those of one handler; as many as there is time for."""
    _known(body.handler)
    done = container().queue.admin.retry_dead(body.handler)
    detail = {"handler": body.handler, **asdict(done)}
    audited("queue.retry-dead", body.handler or "all", body.reason, detail)
    return RetriedLetters.model_validate(done)


@blueprint.get("/<operation_id>")
@endpoint(
    "viewer",
    operation_id="get_queued_operation",
    answers={200: DeferredOperation},
    problems=READING,
)
def get_queued_operation(operation_id: Id) -> DeferredOperation:
    """One deferred operation."""
    found = _there(operation_id, container().queue.runner.queue.get(operation_id))
    return DeferredOperation.of(found)


@blueprint.post("/<operation_id>/retry")
@_acts(operation_id="retry_queued_operation", body=ReasonBody, answers={200: DeferredOperation})
def retry_queued_operation(operation_id: Id, body: ReasonBody) -> DeferredOperation:
    """Retry a dead or pending operation now."""
    changed = _there(operation_id, container().queue.admin.retry(operation_id))
    audited("queue.retry", operation_id, body.reason, {"handler": changed.handler})
    return DeferredOperation.of(changed)


@blueprint.delete("/<operation_id>")
@_acts(operation_id="drop_queued_operation", body=ReasonBody, answers={204: None})
def drop_queued_operation(operation_id: Id, body: ReasonBody) -> None:
    """Drop an operation that is no longer wanted."""
    dropped = _there(operation_id, container().queue.admin.drop(operation_id))
    audited("queue.drop", operation_id, body.reason, dropped.as_dict())


def _known(handler: str | None) -> None:
    """Not an empty answer for a name with a slip in it. Raises ProblemError."""
    names = sorted(each.name for each in container().queue.runner.handlers)
    if handler is not None and handler not in names:
        raise invalid("handler", f"must be one of: {', '.join(names)}")


def _there(operation_id: str, found: Operation | None) -> Operation:
    if found is None:
        raise ProblemError("not-found", f"there is no deferred operation {operation_id!r}")
    return found
