"""Pages of requests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from medianest.sandbox.overseerr.records import Snapshot
from medianest.sandbox.overseerr.shapes import request_json

__all__ = ["page_of", "request_page"]

PAGE_SIZE: Final = 20


def request_page(snapshot: Snapshot, query: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the requests that was asked for, newest first."""
    page, shown = page_of(snapshot.requests[::-1], query)
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
