"""Pages of requests and of tracked titles, and how many there are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from medianest.sandbox.overseerr.records import (
    MediaStatus,
    RequestRecord,
    RequestStatus,
    Snapshot,
)
from medianest.sandbox.overseerr.shapes import request_json, tracked_json

__all__ = [
    "MEDIA_FILTERS",
    "REQUEST_FILTERS",
    "counts",
    "media_page",
    "page_of",
    "request_page",
]

PAGE_SIZE: Final = 20
OPEN: Final = (RequestStatus.PENDING, RequestStatus.APPROVED)
NOT_AVAILABLE: Final = tuple(status for status in MediaStatus if status != MediaStatus.AVAILABLE)

REQUEST_FILTERS: Final[Mapping[str, tuple[Sequence[int], Sequence[int]]]] = {
    "all": (tuple(RequestStatus), tuple(MediaStatus)),
    "approved": ((RequestStatus.APPROVED,), tuple(MediaStatus)),
    "available": (tuple(RequestStatus), (MediaStatus.AVAILABLE,)),
    "pending": ((RequestStatus.PENDING,), tuple(MediaStatus)),
    "processing": ((RequestStatus.APPROVED,), NOT_AVAILABLE),
    "unavailable": (OPEN, NOT_AVAILABLE),
    "failed": ((RequestStatus.FAILED,), tuple(MediaStatus)),
}
"""By filter: the statuses of a request, and those of its title, that it lets through."""

MEDIA_FILTERS: Final[Mapping[str, Sequence[int]]] = {
    "all": tuple(MediaStatus),
    "available": (MediaStatus.AVAILABLE,),
    "partial": (MediaStatus.PARTIALLY_AVAILABLE,),
    "allavailable": (MediaStatus.PARTIALLY_AVAILABLE, MediaStatus.AVAILABLE),
    "processing": (MediaStatus.PROCESSING,),
    "pending": (MediaStatus.PENDING,),
}


def request_page(snapshot: Snapshot, query: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the requests that was asked for, newest first."""
    statuses, of_title = REQUEST_FILTERS[query.get("filter", "all")]
    of_user = query.get("requestedBy")
    found = [
        request
        for request in reversed(snapshot.requests)
        if request.status in statuses
        and _status(snapshot, request) in of_title
        and of_user in (None, request.user)
    ]
    page, shown = page_of(found, query)
    return {**page, "results": [request_json(snapshot, request) for request in shown]}


def media_page(snapshot: Snapshot, query: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the tracked titles that was asked for, newest first."""
    statuses = MEDIA_FILTERS[query.get("filter", "all")]
    found = [media for media in snapshot.media.values() if media.status in statuses]
    fields = {"modified": "updated_at", "mediaAdded": "added_at"}
    field = fields.get(query.get("sort", ""), "id")
    found.sort(key=lambda media: (getattr(media, field) or "", media.id), reverse=True)
    page, shown = page_of(found, query)
    return {**page, "results": [tracked_json(media) for media in shown]}


def page_of(found: Sequence[Any], query: Mapping[str, Any]) -> tuple[dict[str, Any], Sequence[Any]]:
    """What a list says of its page, and what is on it."""
    take, skip = query.get("take", 0), max(0, query.get("skip", 0))
    size = take if take > 0 else PAGE_SIZE
    info = {
        "pages": math.ceil(len(found) / size),
        "pageSize": size,
        "results": len(found),
        "page": math.ceil(skip / size) + 1,
    }
    return {"pageInfo": info}, found[skip : skip + size]


def counts(snapshot: Snapshot) -> dict[str, int]:
    """How many requests there are of each sort."""
    requests = snapshot.requests
    approved = [each for each in requests if each.status == RequestStatus.APPROVED]
    titles = [_status(snapshot, each) for each in approved]
    return {
        "total": len(requests),
        "movie": sum(each.kind == "movie" for each in requests),
        "tv": sum(each.kind == "tv" for each in requests),
        "pending": sum(each.status == RequestStatus.PENDING for each in requests),
        "approved": len(approved),
        "declined": sum(each.status == RequestStatus.DECLINED for each in requests),
        "processing": titles.count(MediaStatus.PROCESSING),
        "available": titles.count(MediaStatus.AVAILABLE),
    }


def _status(snapshot: Snapshot, request: RequestRecord) -> MediaStatus:
    return snapshot.media[request.key].level(request.is4k)
