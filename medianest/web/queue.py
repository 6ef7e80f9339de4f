"""`/api/v1/resilience/queue`: what waits to be done, and what could not be done."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from medianest.storage.operations import Operation
from medianest.storage.page import Cursor
from medianest.web.audited import audited
from medianest.web.auth import role_required
from medianest.web.parts import parts
from medianest.web.problems import ProblemError
from medianest.web.schemas import Because, Nothing, QueueFilter, optional_body, query

__all__ = ["blueprint"]

blueprint = Blueprint("queue", __name__, url_prefix="/api/v1/resilience/queue")


@blueprint.get("", strict_slashes=False)
@role_required("viewer")
def operations() -> ResponseReturnValue:
    """Deferred operations, newest first, and how many are in which state."""
    wanted, desk = query(QueueFilter), parts().desk
    found, cursor = desk.page(
        state=wanted.state,
        handler=wanted.handler,
        after=Cursor.parse(wanted.cursor),
        limit=wanted.limit,
    )
    held_back = {
        handler.name: why
        for handler in parts().drainer.handlers
        if (why := parts().drainer.obstacle(handler)) is not None
    }
    return jsonify(
        counts=desk.figures(),
        held_back=held_back,
        operations=[operation.as_dict() for operation in found],
        next_cursor=cursor and str(cursor),
    )


@blueprint.get("/<operation_id>")
@role_required("viewer")
def operation(operation_id: str) -> ResponseReturnValue:
    """One deferred operation."""
    query(Nothing)
    return jsonify(_there(operation_id, parts().drainer.queue.get(operation_id)).as_dict())


@blueprint.post("/<operation_id>/retry")
@role_required("operator")
def retry(operation_id: str) -> ResponseReturnValue:
    """Have a dead or waiting operation done now."""
    query(Nothing)
    wanted = optional_body(Because)
    changed = _there(operation_id, parts().desk.retry(operation_id))
    audited("queue.retry", operation_id, wanted.reason, {"handler": changed.handler})
    return jsonify(changed.as_dict())


@blueprint.delete("/<operation_id>")
@role_required("operator")
def drop(operation_id: str) -> ResponseReturnValue:
    """Remove an operation that is not wanted any more."""
    query(Nothing)
    wanted = optional_body(Because)
    dropped = _there(operation_id, parts().desk.drop(operation_id))
    audited("queue.drop", operation_id, wanted.reason, dropped.as_dict())
    return Response(status=204)


def _there(operation_id: str, found: Operation | None) -> Operation:
    if found is None:
        raise ProblemError("not-found", f"there is no deferred operation {operation_id!r}")
    return found
