"""What `/api/v1/media` answers, requests aside. Libraries, items and sessions are as Plex has
them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from medianest.media.overseerr.wish import MediaType
from medianest.media.plex.models import Item, Library, Session
from medianest.web.answers.base import AnswerModel, AsOf, Count, Degraded, Timestamp
from medianest.web.words import Availability, MediaService

__all__ = [
    "ItemPage",
    "Libraries",
    "RecentItems",
    "Requestable",
    "SearchResults",
    "Season",
    "Seasons",
    "Sessions",
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

    media_type: MediaType
    media_id: Annotated[int, Field(description="Its number at TMDB; requests take it.")]
    title: str | None
    year: int | None
    summary: str | None
    status: Availability


class Season(AnswerModel):
    """A season of a show; what is told of requests and the house is so in the usual quality."""

    number: Annotated[int, Field(ge=0, description="0 are the specials.")]
    title: str | None
    episodes: Annotated[int, Field(ge=0)] | None
    aired_on: Annotated[str | None, Field(description="The first day it was shown, if known.")]
    requested: bool
    available: bool


class Seasons(AnswerModel):
    """The seasons of a show."""

    media_id: int
    seasons: tuple[Season, ...]


class SearchResults(AnswerModel):
    """What the house has, and what can be requested."""

    results: tuple[Item, ...]
    requestable: tuple[Requestable, ...]
    missing: Annotated[
        tuple[MediaService, ...],
        Field(description="Who could not be asked."),
    ]
    degraded: Degraded
    as_of: Timestamp
