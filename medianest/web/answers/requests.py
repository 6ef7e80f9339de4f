"""What `/api/v1/media/requests` answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from medianest.media.overseerr.wish import MediaType
from medianest.web.answers.base import AnswerModel, Count, Degraded, OperationId, Timestamp
from medianest.web.words import MediaStatus, RequestStatus, TicketState

__all__ = ["OverseerrRequest", "RequestDetail", "RequestPage", "Ticket", "TicketError"]


def _is_none(value: object) -> bool:
    return value is None


class TicketError(AnswerModel):
    """Why a request is not done yet, or never will be."""

    type: str
    message: str | None


class Ticket(AnswerModel):
    """A request of ours, and how it stands."""

    id: OperationId
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
        int | None, Field(description="For which user of Overseerr; null: for the key's owner.")
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
    next_attempt_at: Annotated[Timestamp | None, Field(description="Null unless it is queued.")]
    already_requested: Annotated[
        bool, Field(description="Whether Overseerr had it before we asked for it.")
    ]
    error: TicketError | None


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
    """A request of ours, and what Overseerr says of it, if it is there and has it."""

    overseerr: OverseerrRequest | None


class RequestPage(AnswerModel):
    """Some requests of Overseerr, the newest first, and those of ours that it does not have."""

    requests: tuple[OverseerrRequest, ...]
    queued: tuple[Ticket, ...]
    queued_total: Annotated[int | None, Field(ge=0, description="Null without the database.")]
    offset: Count
    limit: Count
    total: Annotated[int | None, Field(description="Of Overseerr's; null without it.")]
    degraded: Degraded
    missing: Annotated[tuple[str, ...], Field(description="Who could not be asked.")]
