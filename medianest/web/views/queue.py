"""`/api/v1/resilience/queue`: what waits to be done, and what could not be done."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from flask import Blueprint
from pydantic import Field

from medianest.queue.operations import Operation
from medianest.storage.page import Cursor
from medianest.web.answers.queue import DeferredOperation, DeferredOperations, QueueFigures, Retried
from medianest.web.audited import audited
from medianest.web.container import container
from medianest.web.endpoint import endpoint
from medianest.web.problem_kinds import READING, WRITING
from medianest.web.problems import ProblemError
from medianest.web.schemas import QueueFilter, ReasonBody, RetryDead

__all__ = ["blueprint"]

blueprint = Blueprint("queue", __name__, url_prefix="/api/v1/resilience/queue")

Id = Annotated[str, Field(pattern="^[0-9a-f]{32}$", description="As the queue lists it.")]


@blueprint.get("", strict_slashes=False)
@endpoint(
    "viewer",
    operation_id="list_queued_operations",
    query=QueueFilter,
    answers={200: DeferredOperations},
    problems=READING,
)
def operations(query: QueueFilter) -> DeferredOperations:
    """Deferred operations, newest first, and how many are in which state."""
    _known(query.handler)
    queue_admin = container().queue.admin
    found, cursor = queue_admin.page(
        state=query.state,
        handler=query.handler,
        after=Cursor.parse(query.cursor),
        limit=query.limit,
    )
    held_back = {
        handler.name: why
        for handler in container().queue.runner.handlers
        if (why := container().queue.runner.blocked_reason(handler)) is not None
    }
    return DeferredOperations(
        counts=QueueFigures.model_validate(queue_admin.figures()),
        held_back=held_back,
        operations=tuple(map(DeferredOperation.model_validate, found)),
        next_cursor=None if cursor is None else str(cursor),
    )


@blueprint.post("/dead-letters/retry")
@endpoint(
    "operator",
    operation_id="retry_dead_letters",
    body=RetryDead,
    body_required=False,
    answers={200: Retried},
    problems=WRITING,
)
def retry_dead(body: RetryDead) -> Retried:
    """Have all dead letters done again, or those of one handler; as many as there is time for."""
    _known(body.handler)
    done = container().queue.admin.retry_dead(body.handler)
    detail = {"handler": body.handler, **asdict(done)}
    audited("queue.retry-dead", body.handler or "all", body.reason, detail)
    return Retried.model_validate(done)


@blueprint.get("/<operation_id>")
@endpoint(
    "viewer",
    operation_id="get_queued_operation",
    answers={200: DeferredOperation},
    problems=READING,
)
def operation(operation_id: Id) -> DeferredOperation:
    """One deferred operation."""
    found = _there(operation_id, container().queue.runner.queue.get(operation_id))
    return DeferredOperation.model_validate(found)


@blueprint.post("/<operation_id>/retry")
@endpoint(
    "operator",
    operation_id="retry_queued_operation",
    body=ReasonBody,
    body_required=False,
    answers={200: DeferredOperation},
    problems=("conflict", *WRITING),
)
def retry(operation_id: Id, body: ReasonBody) -> DeferredOperation:
    """Have a dead or waiting operation done now."""
    changed = _there(operation_id, container().queue.admin.retry(operation_id))
    audited("queue.retry", operation_id, body.reason, {"handler": changed.handler})
    return DeferredOperation.model_validate(changed)


@blueprint.delete("/<operation_id>")
@endpoint(
    "operator",
    operation_id="drop_queued_operation",
    body=ReasonBody,
    body_required=False,
    answers={204: None},
    problems=("conflict", *WRITING),
)
def drop(operation_id: Id, body: ReasonBody) -> None:
    """Remove an operation that is not wanted any more."""
    dropped = _there(operation_id, container().queue.admin.drop(operation_id))
    audited("queue.drop", operation_id, body.reason, dropped.as_dict())


def _known(handler: str | None) -> None:
    """Not an empty answer for a name with a slip in it. Raises ProblemError."""
    names = sorted(each.name for each in container().queue.runner.handlers)
    if handler is not None and handler not in names:
        fault = {"field": "handler", "message": f"must be one of: {', '.join(names)}"}
        raise ProblemError("invalid", f"handler: {fault['message']}", {"errors": [fault]})


def _there(operation_id: str, found: Operation | None) -> Operation:
    if found is None:
        raise ProblemError("not-found", f"there is no deferred operation {operation_id!r}")
    return found
