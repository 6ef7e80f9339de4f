"""`/api/v1/media/requests`: asking for titles that the house does not have yet."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from medianest.media.overseerr_wire import MediaRequest
from medianest.media.requests import Ticket
from medianest.resilience.snapshot import plain
from medianest.web.auth import role_required
from medianest.web.parts import parts, uses
from medianest.web.problems import ProblemError
from medianest.web.schemas import Nothing, Page, TitleRequest, body, query
from medianest.web.trace import trace_id

__all__ = ["blueprint"]

blueprint = Blueprint("requests", __name__, url_prefix="/api/v1/media/requests")

_STATES = {"pending": "queued", "running": "running", "done": "done", "dead": "failed"}
_POLL_SECONDS = 5.0


@blueprint.post("", strict_slashes=False)
@uses("overseerr", "database")
@role_required("client")
def create() -> ResponseReturnValue:
    """Request a title: 201 when it is done, 200 when it was requested before, 202 when it is kept
    and will be done."""
    query(Nothing)
    wanted, key = body(TitleRequest), _idempotency_key()
    ticket = parts().requests.create(
        wanted.payload(), client_key=key, user=g.actor, correlation_id=trace_id()
    )
    location = url_for(".one", operation_id=ticket.operation.id)
    if ticket.state == "dead":
        raise ProblemError(
            "upstream-refused",
            ticket.operation.error_message or "it cannot be done",
            {"service": "overseerr"},
            {"Location": location},
        )
    if ticket.state == "running" and ticket.replayed and ticket.operation.attempts == 1:
        raise ProblemError(
            "still-running",
            "the first request with this key is still being served",
            {"retry_after": 1.0},
            {"Location": location},
        )
    response = jsonify(_rendered(ticket))
    response.status_code = _status_of(ticket)
    response.headers["Location"] = location
    if response.status_code == 202:
        response.headers["Retry-After"] = str(int(_POLL_SECONDS))
    return response


@blueprint.get("", strict_slashes=False)
@uses("overseerr", "database")
@role_required("client")
def everything() -> Response:
    """All requests: Overseerr's, and those that it does not have yet."""
    page = query(Page)
    found = parts().requests.all(page.offset, page.limit)
    return jsonify(
        requests=[_theirs(each) for each in found.theirs],
        queued=[_rendered(each) for each in found.ours],
        queued_total=found.total_ours,
        offset=page.offset,
        limit=page.limit,
        total=found.total,
        degraded=bool(found.missing),
        missing=list(found.missing),
    )


@blueprint.get("/<operation_id>")
@uses("overseerr", "database")
@role_required("client")
def one(operation_id: str) -> Response:
    """Where one request stands."""
    query(Nothing)
    ticket, theirs = parts().requests.get(operation_id)
    return jsonify({**_rendered(ticket), "overseerr": theirs and _theirs(theirs)})


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= 200 and key.isprintable()):
        message = "Idempotency-Key: must be 1 to 200 printable characters"
        raise ProblemError(
            "invalid", message, {"errors": [{"field": "Idempotency-Key", "message": message}]}
        )
    return key


def _status_of(ticket: Ticket) -> int:
    if ticket.state != "done":
        return 202
    return 201 if (ticket.result or {}).get("created") else 200


def _rendered(ticket: Ticket) -> dict[str, Any]:
    operation = ticket.operation
    error = None
    if operation.error_type is not None and ticket.state != "done":
        error = {"type": operation.error_type, "message": operation.error_message}
    return {
        "id": operation.id,
        "state": _STATES[ticket.state],
        **operation.payload,
        "requested_at": plain(operation.created_at),
        "attempts": operation.attempts,
        "next_attempt_at": plain(operation.run_at) if ticket.state == "pending" else None,
        "already_requested": ticket.state == "done" and not (ticket.result or {}).get("created"),
        "error": error,
    }


def _theirs(request: MediaRequest) -> dict[str, Any]:
    return {
        "request_id": request.id,
        "media_type": request.type,
        "media_id": request.media.tmdb_id,
        "seasons": [season.season_number for season in request.seasons],
        "status": request.status,
        "media_status": request.media.status,
        "requested_at": plain(request.created_at),
        "updated_at": plain(request.updated_at),
    }
