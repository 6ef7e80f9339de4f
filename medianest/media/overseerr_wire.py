"""What Overseerr sends, and what of it we pass on.

Its numbers for states grow with its versions: those that we do not know are "unknown".
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["MediaRequest", "RequestPage", "SearchPage", "Title"]

REQUEST_STATUS: Final = {1: "pending", 2: "approved", 3: "declined", 4: "failed", 5: "completed"}
MEDIA_STATUS: Final = {
    1: "unknown",
    2: "pending",
    3: "processing",
    4: "partially_available",
    5: "available",
    6: "blocklisted",
    7: "deleted",
}


def _request_status(value: object) -> str:
    return REQUEST_STATUS.get(value, "unknown") if isinstance(value, int) else "unknown"


def _media_status(value: object) -> str:
    return MEDIA_STATUS.get(value, "unknown") if isinstance(value, int) else "unknown"


def _year(value: object) -> int | None:
    text = value[:4] if isinstance(value, str) else ""
    return int(text) if text.isdecimal() else None


RequestStatus = Annotated[str, BeforeValidator(_request_status)]
MediaStatus = Annotated[str, BeforeValidator(_media_status)]
Year = Annotated[int | None, BeforeValidator(_year)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class _MediaInfo(_Wire):
    status: MediaStatus = "unknown"
    tmdb_id: int | None = Field(None, alias="tmdbId")


class Title(_Wire):
    """A movie or a show that can be requested."""

    id: int
    media_type: Literal["movie", "tv"] = Field(alias="mediaType")
    title: str | None = None
    name: str | None = None
    overview: str | None = None
    released: Year = Field(None, alias="releaseDate")
    first_aired: Year = Field(None, alias="firstAirDate")
    media_info: _MediaInfo | None = Field(None, alias="mediaInfo")


class SearchPage(_Wire):
    """One page of results; people are among them."""

    results: tuple[dict[str, Any], ...] = ()


class _Season(_Wire):
    season_number: int = Field(alias="seasonNumber")


class MediaRequest(_Wire):
    """A request as Overseerr has it."""

    id: int
    status: RequestStatus = "unknown"
    type: Literal["movie", "tv"]
    is4k: bool = False
    media: _MediaInfo
    seasons: tuple[_Season, ...] = ()
    created_at: datetime | None = Field(None, alias="createdAt")
    updated_at: datetime | None = Field(None, alias="updatedAt")


class _PageInfo(_Wire):
    results: int = 0


class RequestPage(_Wire):
    """Some requests, the newest first, and how many there are in all."""

    page_info: _PageInfo = Field(alias="pageInfo")
    results: tuple[MediaRequest, ...] = ()
