"""What Overseerr and Seerr send, and what of it we pass on.

Their numbers for states grow with their versions: those that we do not know are "unknown".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, OnErrorOmit, model_validator

from medianest.media.parsing import listed, parsed_all
from medianest.media.wire import MOST_EXACT, AsNumber, Flag, Id, Text, TimeOfDay, Wire, number

__all__ = ["MediaInfo", "MediaRequest", "RequestResults", "SearchPage", "Season", "Title"]

SERVICE: Final = "overseerr"
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
_MOST_SEASONS: Final = 10_000

M = TypeVar("M", bound=BaseModel)


def _status_in(names: Mapping[int, str]) -> BeforeValidator:
    def name_of(value: object) -> str:
        if isinstance(value, str) and value in names.values():
            return value  # one of our own
        return names.get(number(value), "unknown")  # type: ignore[arg-type]

    return BeforeValidator(name_of)


def _year(value: object) -> int | None:
    text = value[:4] if isinstance(value, str) else ""
    return int(text) or None if text.isascii() and text.isdigit() else None


def _some(value: object) -> object:
    """The elements of what should be a list, as many as there may be."""
    return tuple(listed(value)[:_MOST_SEASONS])


def _requests(value: object) -> tuple[MediaRequest, ...]:
    return parsed_all(SERVICE, MediaRequest, value, endpoint="/request")


RequestStatus = Annotated[str, _status_in(REQUEST_STATUS)]
MediaStatus = Annotated[str, _status_in(MEDIA_STATUS)]
Year = Annotated[int | None, BeforeValidator(_year)]
SeasonNumber = Annotated[int, Field(ge=0, le=100_000), AsNumber]


class Season(Wire):
    """A season of a show that is requested."""

    season_number: SeasonNumber = Field(alias="seasonNumber")


class MediaInfo(Wire):
    """How much of a title the house has."""

    status: MediaStatus = "unknown"
    tmdb_id: Id | None = Field(None, alias="tmdbId")


class Title(Wire):
    """A movie or a show that can be requested."""

    id: Id
    media_type: Literal["movie", "tv"] = Field(alias="mediaType")
    title: Text | None = None
    name: Text | None = None
    overview: str | None = None
    released: Year = Field(None, alias="releaseDate")
    first_aired: Year = Field(None, alias="firstAirDate")
    media_info: MediaInfo | None = Field(None, alias="mediaInfo")


class MediaRequest(Wire):
    """A request as Overseerr has it. Seerr may not tell its `media`."""

    id: Id
    status: RequestStatus = "unknown"
    type: Literal["movie", "tv"]
    is4k: Flag = False
    media: MediaInfo = MediaInfo.model_validate({})
    seasons: Annotated[tuple[OnErrorOmit[Season], ...], BeforeValidator(_some)] = ()
    created_at: TimeOfDay | None = Field(None, alias="createdAt")
    updated_at: TimeOfDay | None = Field(None, alias="updatedAt")


class _List(Wire):
    """The base of lists: of one that has nothing of its own, another server is the author."""

    @model_validator(mode="before")
    @classmethod
    def _is_its_own(cls, value: Any) -> Any:
        own = {field.alias or name for name, field in cls.model_fields.items()}
        if isinstance(value, dict) and not own & value.keys():
            raise ValueError(f"it has none of {', '.join(sorted(own))}")
        return value


class SearchPage(_List):
    """One page of results; people are among them."""

    page: Annotated[int, AsNumber] | None = None
    results: Annotated[tuple[OnErrorOmit[dict[str, Any]], ...], BeforeValidator(listed)] = ()

    def titles(self) -> tuple[Title, ...]:
        """The movies and the shows."""
        wanted = [each for each in self.results if each.get("mediaType") in ("movie", "tv")]
        return parsed_all(SERVICE, Title, wanted, endpoint="/search")


class PageInfo(Wire):
    """How many there are in all; None where it is not told."""

    results: Annotated[int, Field(ge=0, le=MOST_EXACT), AsNumber] | None = None


class RequestResults(_List):
    """Some requests, the newest first, and how many there are in all."""

    page_info: PageInfo = Field(PageInfo(), alias="pageInfo")
    results: Annotated[tuple[MediaRequest, ...], BeforeValidator(_requests)] = ()
