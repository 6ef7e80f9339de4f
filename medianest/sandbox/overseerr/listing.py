"""Pages of requests."""

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
from medianest.sandbox.overseerr.shapes import request_json

__all__ = [
    "REQUEST_FILTERS",
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


def _status(snapshot: Snapshot, request: RequestRecord) -> MediaStatus:
    return snapshot.media[request.key].level(request.is4k)
