"""`/api/v1/media/requests`: asking for titles that the house does not have yet."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from flask import Blueprint, g, url_for
from pydantic import Field

from medianest.media import requests as media
from medianest.media.overseerr.models import MediaRequest
from medianest.media.overseerr.wish import MediaType
from medianest.web.container import container
from medianest.web.endpoint import endpoint
from medianest.web.models import (
    AnswerModel,
    Count,
    Degraded,
    ErrorDetail,
    NextCursor,
    RecordId,
    Timestamp,
)
from medianest.web.parameters import OnceHeaders, Page
from medianest.web.problem_kinds import KEEPING, READING, UPSTREAM
from medianest.web.problems import ProblemError
from medianest.web.schemas import TitleRequest
from medianest.web.trace import trace_id
from medianest.web.words import MediaStatus, RequestStatus, TicketState

__all__ = ["OverseerrRequest", "RequestDetail", "RequestPage", "Ticket", "blueprint"]


def _is_none(value: object) -> bool:
    return value is None


class Ticket(AnswerModel):
    """A request that was made here, and its progress."""

    id: RecordId
    state: TicketState
    media_type: MediaType
    media_id: Annotated[
        Annotated[int, Field(ge=1)] | None,
        Field(description="The number of the title at TMDB; null where it cannot be read."),
    ]
    seasons: Annotated[
        tuple[Count, ...] | Literal["all"] | None,
        Field(description="Of a show; a movie has no such member.", exclude_if=_is_none),
    ] = None
    is4k: bool = False
    user_id: Annotated[
        int | None,
        Field(description="The number of the user at Overseerr; null: the owner of the key."),
    ] = None
    request_id: Annotated[
        int | None, Field(description="Its number at Overseerr; null while it is not known.")
    ] = None
    seasons_taken: Annotated[
        tuple[Count, ...] | None,
        Field(
            description="Those that Overseerr's request has of them; the others were requested or "
            "there before, or it leaves them out. Null for a movie, and until it is done.",
        ),
    ] = None
    requested_at: Timestamp
    attempts: Count
    next_attempt_at: Annotated[
        Timestamp | None, Field(description="When it is tried next; null unless it is queued.")
    ]
    already_requested: Annotated[
        bool, Field(description="Whether it had been requested at Overseerr before.")
    ]
    error: Annotated[
        ErrorDetail | None, Field(description="Why it is not done yet, or never will be.")
    ]


class OverseerrRequest(AnswerModel):
    """A request as Overseerr has it."""

    request_id: int
    media_type: MediaType
    media_id: int | None
    seasons: tuple[int, ...]
    status: RequestStatus
    media_status: MediaStatus
    requested_at: Timestamp | None
    updated_at: Timestamp | None


class RequestDetail(Ticket):
    """The same, and what Overseerr says of it; null where it cannot be asked or has none."""

    overseerr: OverseerrRequest | None


class RequestPage(AnswerModel):
    """Some requests of Overseerr, the newest first, and those of ours that it does not have."""

    items: Annotated[tuple[OverseerrRequest, ...], Field(description="Those of Overseerr.")]
    next: NextCursor
    queued: tuple[Ticket, ...]
    queued_total: Annotated[int | None, Field(ge=0, description="Null without the database.")]
    total: Annotated[int | None, Field(description="Of Overseerr's; null without it.")]
    degraded: Degraded
    missing: Annotated[tuple[str, ...], Field(description="Servers that could not be asked.")]


blueprint = Blueprint("requests", __name__, url_prefix="/api/v1/media/requests")

Id = Annotated[
    str,
    Field(
        pattern="^[0-9a-f]{32}$",
        description="The id of one of our requests.",
        examples=["01a22cb25f8b000008fdc0cdf042b74a"],
    ),
]
T = TypeVar("T", bound=Ticket)

_STATES = {"pending": "queued", "running": "running", "done": "done", "dead": "failed"}
_POLL_SECONDS = 5.0


@blueprint.post("", strict_slashes=False)
@endpoint(
    "client",
    operation_id="create_request",
    headers=OnceHeaders,
    body=TitleRequest,
    answers={201: Ticket, 200: Ticket, 202: Ticket},
    sends={
        201: ["Location"],
        200: ["Location"],
        202: ["Location", "Retry-After"],
        409: ["Location", "Retry-After"],
        422: ["Location"],
    },
    problems=(*UPSTREAM, *KEEPING, "idempotency-mismatch", "still-running"),
    services=["overseerr", "database"],
)
def create_request(headers: OnceHeaders, body: TitleRequest) -> tuple[Ticket, int, dict[str, str]]:
    """Request a title: 201 when it is done, 200 when it was requested before, 202 when it is kept
    and will be done."""
    ticket = container().media.requests.create(
        body.payload(),
        client_key=headers.idempotency_key,
        user=g.actor,
        correlation_id=trace_id(),
    )
    location = url_for(".get_request", operation_id=ticket.operation.id)
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
            {"retry_after_seconds": 1.0},
            {"Location": location},
        )
    status, sent = _status_of(ticket), {"Location": location}
    if status == 202:
        sent["Retry-After"] = str(int(_POLL_SECONDS))
    return _ours(Ticket, ticket), status, sent


@blueprint.get("", strict_slashes=False)
@endpoint(
    "client",
    operation_id="list_requests",
    query=Page,
    answers={200: RequestPage},
    problems=["not-configured"],
    services=["overseerr", "database"],
)
def list_requests(query: Page) -> RequestPage:
    """All requests: Overseerr's, and those that it does not have yet."""
    found = container().media.requests.all(query.offset, query.limit)
    return RequestPage(
        items=tuple(map(_theirs, found.theirs)),
        next=query.after(found.total),
        queued=tuple(_ours(Ticket, each) for each in found.ours),
        queued_total=found.total_ours,
        total=found.total,
        degraded=bool(found.missing),
        missing=found.missing,
    )


@blueprint.get("/<operation_id>")
@endpoint(
    "client",
    operation_id="get_request",
    answers={200: RequestDetail},
    problems=READING,
    services=["overseerr", "database"],
)
def get_request(operation_id: Id) -> RequestDetail:
    """One request."""
    found = container().media.requests.get(operation_id)
    if found is None:  # the id is ours: no service is to blame
        raise ProblemError(
            "not-found",
            f"MediaNest has no request {operation_id!r}: it was never made, an operator dropped "
            f"it, or it was done long ago",
        )
    ticket, theirs = found
    return _ours(RequestDetail, ticket, overseerr=None if theirs is None else _theirs(theirs))


def _status_of(ticket: media.RequestTicket) -> int:
    if ticket.state != "done":
        return 202
    return 201 if (ticket.result or {}).get("created") else 200


def _ours(model: type[T], ticket: media.RequestTicket, **members: Any) -> T:
    operation, result = ticket.operation, ticket.result or {}
    error = ErrorDetail.of(operation.error_type, operation.error_message)
    return model.model_validate(
        {
            "id": operation.id,
            "state": _STATES[ticket.state],
            **media.wished(operation),
            "request_id": result.get("request_id"),
            "seasons_taken": result.get("seasons"),
            "requested_at": operation.created_at,
            "attempts": operation.attempts,
            "next_attempt_at": operation.run_at if ticket.state == "pending" else None,
            "already_requested": ticket.state == "done" and not result.get("created"),
            "error": error if ticket.state != "done" else None,
            **members,
        }
    )


def _theirs(request: MediaRequest) -> OverseerrRequest:
    return OverseerrRequest.model_validate(
        {
            "request_id": request.id,
            "media_type": request.type,
            "media_id": request.media.tmdb_id,
            "seasons": tuple(season.season_number for season in request.seasons),
            "status": request.status,
            "media_status": request.media.status,
            "requested_at": request.created_at,
            "updated_at": request.updated_at,
        }
    )
