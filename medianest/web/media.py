"""`/api/v1/media`: the libraries of the house, with honest answers when a server is away."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel

from medianest.media.answer import Answer
from medianest.media.errors import NotFoundError
from medianest.media.overseerr_wire import Title
from medianest.media.search import search_everything
from medianest.resilience.snapshot import plain
from medianest.web.auth import role_required
from medianest.web.parts import parts, uses
from medianest.web.schemas import Limit, Nothing, Page, Search, query

__all__ = ["blueprint"]

blueprint = Blueprint("media", __name__, url_prefix="/api/v1/media")


@blueprint.get("/libraries")
@uses("plex")
@role_required("client")
def libraries() -> Response:
    """All libraries."""
    query(Nothing)
    answer = parts().plex.libraries()
    return _rendered(answer, libraries=_dumped(answer.value))


@blueprint.get("/libraries/<key>/items")
@uses("plex")
@role_required("client")
def items(key: str) -> Response:
    """Some items of a library."""
    page = query(Page)
    if not re.fullmatch(r"[0-9]{1,9}", key):  # what Plex numbers; it becomes part of a path there
        raise NotFoundError("plex", f"there is no library {key!r}")
    answer = parts().plex.items(key, page.offset, page.limit)
    found = answer.value
    return _rendered(
        answer,
        items=_dumped(found.items),
        offset=found.offset,
        limit=page.limit,
        total=found.total,
    )


@blueprint.get("/recently-added")
@uses("plex")
@role_required("client")
def recently_added() -> Response:
    """The newest items."""
    answer = parts().plex.recently_added(query(Limit).limit)
    return _rendered(answer, items=_dumped(answer.value))


@blueprint.get("/search")
@uses("plex", "overseerr")
@role_required("client")
def search() -> Response:
    """What the house has, and what can be requested."""
    here = parts()
    found = search_everything(here.plex, here.overseerr, query(Search).query)
    response = jsonify(
        results=_dumped(found.items),
        requestable=[_title(title) for title in found.titles],
        missing=list(found.missing),
        degraded=bool(found.missing),
        as_of=plain(here.registry.clock.utc()),
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _title(title: Title) -> dict[str, Any]:
    return {
        "media_type": title.media_type,
        "media_id": title.id,
        "title": title.title or title.name,
        "year": title.released or title.first_aired,
        "summary": title.overview,
        "status": title.media_info.status if title.media_info is not None else "not_requested",
    }


@blueprint.get("/sessions")
@uses("plex")
@role_required("client")
def sessions() -> Response:
    """What plays now."""
    query(Nothing)
    answer = parts().plex.sessions()
    return _rendered(answer, sessions=_dumped(answer.value))


def _dumped(models: tuple[BaseModel, ...]) -> list[dict[str, Any]]:
    return [plain(model.model_dump()) for model in models]


def _rendered(answer: Answer[Any], **members: Any) -> Response:
    response = jsonify(**members, degraded=answer.degraded, as_of=plain(answer.as_of))
    if answer.degraded:
        response.headers["Age"] = str(int(answer.age))
    response.headers["Cache-Control"] = "no-store"
    return response
