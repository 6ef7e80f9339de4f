"""`/api/v1/media`: the libraries of the house, with honest answers when a server is away."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any, Final

from flask import Blueprint
from pydantic import Field

from medianest.media.answer import Answer
from medianest.media.errors import NotFoundError
from medianest.media.overseerr.client import SERVICE as OVERSEERR
from medianest.media.overseerr.details import SeasonDetails
from medianest.media.overseerr.models import Title
from medianest.media.overseerr.wish import MediaType
from medianest.media.plex.client import SERVICE as PLEX
from medianest.media.plex.models import Item, Library, Session
from medianest.media.search import search_everything
from medianest.web.container import container
from medianest.web.endpoint import endpoint
from medianest.web.models import (
    AnswerModel,
    Degraded,
    NextCursor,
    Timestamp,
)
from medianest.web.parameters import Limit, Page, Search
from medianest.web.problem_kinds import UPSTREAM
from medianest.web.words import Availability, MediaService

__all__ = ["blueprint"]


class _UpstreamAnswer(AnswerModel):
    degraded: Degraded
    answered_at: Annotated[
        Timestamp,
        Field(description="When the service gave this answer; a degraded one is older."),
    ]


class Libraries(_UpstreamAnswer):
    """All libraries."""

    libraries: tuple[Library, ...]


class ItemPage(_UpstreamAnswer):
    """Some items of a library."""

    items: tuple[Item, ...]
    next: NextCursor
    total: Annotated[int, Field(ge=0, description="How many items the library has in all.")]


class RecentItems(_UpstreamAnswer):
    """The newest items."""

    items: tuple[Item, ...]


class Sessions(_UpstreamAnswer):
    """What plays now."""

    sessions: tuple[Session, ...]


class Requestable(AnswerModel):
    """A movie or a show that can be requested, or has been."""

    media_type: MediaType
    media_id: Annotated[int, Field(description="Its number at TMDB; requests take it.")]
    title: str | None
    year: int | None
    summary: str | None
    status: Availability


class Seasons(AnswerModel):
    """The seasons of a show."""

    media_id: int
    seasons: tuple[SeasonDetails, ...]


class SearchResults(_UpstreamAnswer):
    """What the house has, and what can be requested."""

    results: tuple[Item, ...]
    requestable: tuple[Requestable, ...]
    missing: Annotated[
        tuple[MediaService, ...],
        Field(description="Servers that could not be asked."),
    ]


blueprint = Blueprint("media", __name__, url_prefix="/api/v1/media")

_KEY: Final = "^[0-9]{1,9}$"  # what Plex numbers; it becomes part of a path there
_NUMBER: Final = "^[1-9][0-9]{0,8}$"
ShowId = Annotated[
    str, Field(pattern=_NUMBER, description="The number of the show at TMDB.", examples=["1399"])
]
Key = Annotated[str, Field(pattern=_KEY, description="The key of a library.", examples=["1"])]

Reply = tuple[AnswerModel, int, dict[str, str]]

_of_plex = partial(endpoint, "client", problems=UPSTREAM, services=[PLEX])
_AGE: Final = {200: ["Age"]}


@blueprint.get("/libraries")
@_of_plex(operation_id="list_libraries", answers={200: Libraries}, sends=_AGE)
def list_libraries() -> Reply:
    """All libraries."""
    answer = container().media.plex.libraries()
    return _dated(Libraries, answer, libraries=answer.value)


@blueprint.get("/libraries/<key>/items")
@_of_plex(operation_id="list_library_items", query=Page, answers={200: ItemPage}, sends=_AGE)
def list_library_items(key: Key, query: Page) -> Reply:
    """Some items of a library."""
    if not re.fullmatch(_KEY, key):
        raise NotFoundError(PLEX, f"there is no library {key!r}")
    answer = container().media.plex.items(key, query.offset, query.limit)
    found = answer.value
    return _dated(
        ItemPage,
        answer,
        items=found.items,
        next=query.after(found.total),
        total=found.total,
    )


@blueprint.get("/recently-added")
@_of_plex(operation_id="list_recently_added", query=Limit, answers={200: RecentItems}, sends=_AGE)
def list_recently_added(query: Limit) -> Reply:
    """The newest items."""
    answer = container().media.plex.recently_added(query.limit)
    return _dated(RecentItems, answer, items=answer.value)


@blueprint.get("/search")
@endpoint(
    "client",
    operation_id="search_media",
    query=Search,
    answers={200: SearchResults},
    problems=UPSTREAM,
    services=[PLEX, OVERSEERR],
)
def search_media(query: Search) -> SearchResults:
    """What the house has, and what can be requested."""
    here = container()
    found = search_everything(here.media.plex, here.media.overseerr, query.query)
    return SearchResults.model_validate(
        {
            "results": found.items,
            "requestable": tuple(map(_requestable, found.titles)),
            "missing": found.missing,
            "degraded": bool(found.missing),
            "answered_at": here.registry.clock.utc(),
        }
    )


def _requestable(title: Title) -> Requestable:
    status = title.media_info.status if title.media_info is not None else "not_requested"
    return Requestable.model_validate(
        {
            "media_type": title.media_type,
            "media_id": title.id,
            "title": title.title or title.name,
            "year": title.released or title.first_aired,
            "summary": title.overview,
            "status": status,
        }
    )


@blueprint.get("/shows/<media_id>/seasons")
@endpoint(
    "client",
    operation_id="list_seasons",
    answers={200: Seasons},
    problems=UPSTREAM,
    services=["overseerr"],
)
def list_seasons(media_id: ShowId) -> Seasons:
    """The seasons of a show that can be requested, and which of them are."""
    if not re.fullmatch(_NUMBER, media_id):
        raise NotFoundError("overseerr", f"there is no show {media_id!r}")
    found = container().media.overseerr.seasons(int(media_id))
    return Seasons.model_validate({"media_id": int(media_id), "seasons": found})


@blueprint.get("/sessions")
@_of_plex(operation_id="list_sessions", answers={200: Sessions})
def list_sessions() -> Reply:
    """What plays now."""
    answer = container().media.plex.sessions()
    return _dated(Sessions, answer, sessions=answer.value)


def _dated(model: type[AnswerModel], answer: Answer[Any], **members: Any) -> Reply:
    """An answer with how good it is."""
    headers = {"Age": str(int(answer.age))} if answer.degraded else {}
    values = {**members, "degraded": answer.degraded, "answered_at": answer.as_of}
    return model.model_validate(values), 200, headers
