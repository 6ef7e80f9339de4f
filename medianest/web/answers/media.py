"""What `/api/v1/media` answers, requests aside. Libraries, items and sessions are as Plex has
them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from medianest.media.plex_wire import Item, Library, Session
from medianest.web.answers.base import AnswerModel, AsOf, Count, Degraded, Timestamp

__all__ = [
    "ItemPage",
    "Libraries",
    "MediaStatus",
    "RecentItems",
    "Requestable",
    "SearchResults",
    "Sessions",
]

MediaStatus = Literal[
    "unknown",
    "pending",
    "processing",
    "partially_available",
    "available",
    "blocklisted",
    "deleted",
]


class Libraries(AnswerModel):
    """All libraries."""

    libraries: tuple[Library, ...]
    degraded: Degraded
    as_of: AsOf


class ItemPage(AnswerModel):
    """Some items of a library."""

    items: tuple[Item, ...]
    offset: Count
    limit: Count
    total: Annotated[int, Field(ge=0, description="How many items the library has in all.")]
    degraded: Degraded
    as_of: AsOf


class RecentItems(AnswerModel):
    """The newest items."""

    items: tuple[Item, ...]
    degraded: Degraded
    as_of: AsOf


class Sessions(AnswerModel):
    """What plays now."""

    sessions: tuple[Session, ...]
    degraded: Degraded
    as_of: AsOf


class Requestable(AnswerModel):
    """A movie or a show that can be requested, or has been."""

    media_type: Literal["movie", "tv"]
    media_id: Annotated[int, Field(description="Its number at TMDB; requests take it.")]
    title: str | None
    year: int | None
    summary: str | None
    status: MediaStatus | Literal["not_requested"]


class SearchResults(AnswerModel):
    """What the house has, and what can be requested."""

    results: tuple[Item, ...]
    requestable: tuple[Requestable, ...]
    missing: Annotated[
        tuple[Literal["plex", "overseerr"], ...],
        Field(description="Who could not be asked."),
    ]
    degraded: Degraded
    as_of: Timestamp
