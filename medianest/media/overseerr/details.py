"""What Overseerr tells of one title, read so that nothing odd in it costs the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from medianest.media.overseerr.wish import KnownRequest, Standing

__all__ = ["SeasonDetails", "requests_for", "seasons_of", "standing_of", "taken_seasons"]

_AVAILABLE = (5,)
_TAKEN = (2, 3, 4, 5)
"""Statuses of seasons that nobody can request: pending, processing, partially there, there."""
_MOST = 1_000
"""Requests and seasons of one title that are read."""

_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class SeasonDetails:
    """A season of a show; `requested` and `available` in the usual quality, not in 4K."""

    number: int
    title: str | None
    episodes: int | None
    aired_on: str | None
    requested: bool
    available: bool


def standing_of(details: Mapping[str, Any], date: str | None, now: datetime) -> Standing:
    """How a title stands. `date` is the answer's Date header, by which the clocks are compared."""
    info = _dict(details.get("mediaInfo"))
    known = tuple(filter(None, map(_request, _dicts(info.get("requests")))))
    there = frozenset(_numbers(details.get("seasons")))
    return Standing(
        requests=known,
        seasons=there,
        taken={
            is4k: frozenset(_numbers(info.get("seasons"), name, _TAKEN)) if info else frozenset()
            for is4k, name in ((False, "status"), (True, "status4k"))
        },
        ahead=_ahead(date, now),
    )


def requests_for(media_type: str, media_id: int, found: object) -> tuple[KnownRequest, ...]:
    """Those requests of a list that are for one title."""
    mine = (
        each
        for each in _dicts(found)
        if each.get("type") == media_type
        and _whole(_dict(each.get("media")).get("tmdbId")) == media_id
    )
    return tuple(filter(None, map(_request, mine)))


def seasons_of(details: Mapping[str, Any]) -> tuple[SeasonDetails, ...]:
    """The seasons of a show, and which of them are requested or there."""
    standing = standing_of(details, None, _NEVER)
    known = _dict(details.get("mediaInfo")).get("seasons")
    there = set(_numbers(known, "status", _AVAILABLE))
    requested: set[int] = set()
    for request in standing.requests:
        if request.is_open and not request.is4k:
            requested |= request.seasons
    return tuple(
        SeasonDetails(
            number=number,
            title=_text(each.get("name")),
            episodes=_natural(each.get("episodeCount")),
            aired_on=_text(each.get("airDate")),
            requested=number in requested,
            available=number in there,
        )
        for each in _dicts(details.get("seasons"))
        if (number := _season(each)) is not None
    )


def taken_seasons(made: Mapping[str, Any]) -> tuple[int, ...] | None:
    """The seasons that a request got; None where it does not say."""
    seasons = made.get("seasons")
    return tuple(sorted(_numbers(seasons))) if isinstance(seasons, list) else None


def _request(found: Mapping[str, Any]) -> KnownRequest | None:
    number = _whole(found.get("id"))
    if number is None or not 0 < number < 2**63:
        return None
    return KnownRequest(
        id=number,
        status=_whole(found.get("status")),
        is4k=bool(found.get("is4k")),
        seasons=frozenset(_numbers(found.get("seasons"))),
        created_at=_time(found.get("createdAt")),
    )


def _numbers(
    seasons: object, status: str | None = None, having: Collection[int] = ()
) -> Iterator[int]:
    """The numbers of seasons; with the name of a `status`, of those that have one of these."""
    for each in _dicts(seasons):
        number = _season(each)
        if number is not None and (status is None or each.get(status) in having):
            yield number


def _dicts(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (each for each in value[:_MOST] if isinstance(each, dict))


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _whole(value: object) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) < 16:
        return int(value)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole else None  # type: ignore[return-value]


def _natural(value: object) -> int | None:
    number = _whole(value)
    return number if number is not None and 0 <= number < 1_000_000 else None


def _season(found: Mapping[str, Any]) -> int | None:
    return _natural(found.get("seasonNumber"))


def _text(value: object) -> str | None:
    return value.encode(errors="replace").decode() if isinstance(value, str) else None


def _time(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def _ahead(date: str | None, now: datetime) -> timedelta:
    try:
        theirs = parsedate_to_datetime(date) if date else now
    except ValueError:
        return timedelta()
    return (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)) - now
