"""What the server remembers: titles that it tracks, and the requests for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, Self

from medianest.sandbox.overseerr.users import ADMIN

__all__ = [
    "TVDB_OFFSET",
    "Created",
    "MediaRecord",
    "MediaStatus",
    "RequestBody",
    "RequestRecord",
    "RequestStatus",
    "Snapshot",
]


TVDB_OFFSET: Final = 100_000
"""The ids of an invented show at TMDB and at TVDB differ by this."""


class MediaStatus(IntEnum):
    """How far a title is, as Overseerr numbers it."""

    UNKNOWN = 1
    PENDING = 2
    PROCESSING = 3
    PARTIALLY_AVAILABLE = 4
    AVAILABLE = 5


class RequestStatus(IntEnum):
    """How far a request is, as Overseerr numbers it."""

    PENDING = 1
    APPROVED = 2
    DECLINED = 3
    FAILED = 4
    COMPLETED = 5


@dataclass(frozen=True)
class RequestBody:
    """What a client asks for; `is4k` None when it did not say, which matches no request."""

    kind: str
    tmdb_id: int
    is4k: bool | None = None
    seasons: tuple[int, ...] = ()
    user: int = ADMIN
    """Whose request it is to be."""


@dataclass(frozen=True)
class MediaRecord:
    """A title that is in the library or was requested."""

    id: int
    kind: str
    tmdb_id: int
    created_at: str
    updated_at: str
    status: MediaStatus = MediaStatus.UNKNOWN
    status4k: MediaStatus = MediaStatus.UNKNOWN
    seasons: int = 0
    """So many of them, from the first, are in the library."""
    rating_key: str | None = None
    added_at: str | None = None

    @property
    def tvdb_id(self) -> int | None:
        """The id of a show at TVDB."""
        return self.tmdb_id + TVDB_OFFSET if self.kind == "tv" else None

    @property
    def key(self) -> tuple[str, int]:
        """Its kind and TMDB's id."""
        return (self.kind, self.tmdb_id)

    def level(self, is4k: bool) -> MediaStatus:
        """How far it is in one quality."""
        return self.status4k if is4k else self.status

    def at_level(self, status: MediaStatus, is4k: bool) -> Self:
        """The same title, so far in one quality."""
        return replace(self, status4k=status) if is4k else replace(self, status=status)


@dataclass(frozen=True)
class RequestRecord:
    """One request, which the owner approved as it arrived."""

    id: int
    kind: str
    tmdb_id: int
    is4k: bool
    seasons: tuple[int, ...]
    at: str
    first_season_id: int
    user: int = ADMIN
    status: RequestStatus = RequestStatus.APPROVED
    declined_at: str | None = None

    @property
    def updated_at(self) -> str:
        """When it was last changed, its creation included."""
        return self.declined_at or self.at

    @property
    def stands(self) -> bool:
        """Whether it keeps others for the same from being made."""
        return self.status != RequestStatus.DECLINED

    @property
    def key(self) -> tuple[str, int]:
        """What it is for."""
        return (self.kind, self.tmdb_id)


@dataclass(frozen=True)
class Snapshot:
    """Everything remembered at one moment."""

    requests: tuple[RequestRecord, ...]
    """Oldest first."""
    media: Mapping[tuple[str, int], MediaRecord]

    def requests_for(self, key: tuple[str, int]) -> list[RequestRecord]:
        """The requests for one title, oldest first."""
        return [request for request in self.requests if request.key == key]

    def count_of(self, user: int) -> int:
        """How many requests somebody has made."""
        return sum(request.user == user for request in self.requests)


@dataclass(frozen=True)
class Created:
    """A new request, its title as it was while the request was being approved, and what was."""

    request: RequestRecord
    media: MediaRecord
    before: Snapshot
