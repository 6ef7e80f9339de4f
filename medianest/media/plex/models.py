"""What Plex sends, and what of it we pass on.

Its JSON has strings for keys, `false`, `0`, `"0"` and more for flags, Unix seconds for times and
milliseconds for durations, all of them also as text; empty lists are absent; most fields are
optional. Photos, clips, live TV and what plays before a film lack what movies have.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    PlainSerializer,
    SerializationInfo,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from medianest.media.wire import MOST_EXACT, AsNumber, AsText, Flag, Text, Wire, number
from medianest.resilience.snapshot import plain

__all__ = ["Item", "Items", "Libraries", "Library", "LibraryPage", "MediaContainer", "Session"]

_YEAR_3000: Final = 32_503_680_000
_LONGEST: Final = 1_000_000_000_000
"""Milliseconds; some thirty years."""


def _timestamp(value: object) -> object:
    """Plex's Unix seconds; 0 and nonsense mean that it does not know."""
    seconds = number(value)
    if seconds is not None and 0 < seconds < _YEAR_3000:
        return datetime.fromtimestamp(int(seconds), UTC)
    return None


def _seconds(value: object) -> object:
    milliseconds = number(value)
    if milliseconds is not None and 0 <= milliseconds <= _LONGEST:
        return milliseconds / 1000
    return None


def _told(value: datetime | float | None, info: SerializationInfo) -> Any:
    """What we keep looks as Plex sent it, so that reading it back is reading Plex."""
    if (info.context or {}).get("kept") and value is not None:
        return int(value.timestamp()) if isinstance(value, datetime) else round(value * 1000)
    return plain(value)


_AsTold = PlainSerializer(_told, when_used="json-unless-none")

Timestamp = Annotated[
    datetime | None,
    BeforeValidator(_timestamp),
    _AsTold,
    WithJsonSchema(
        {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        mode="serialization",
    ),
]
Duration = Annotated[
    float | None,
    BeforeValidator(_seconds),
    _AsTold,
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "null"}]}, mode="serialization"),
]
Key = Annotated[str, Field(min_length=1), AsText]
Year = Annotated[int, Field(ge=1, le=9999), AsNumber]
Count = Annotated[int, Field(ge=0, le=1_000_000_000), AsNumber]
Size = Annotated[int, Field(ge=0, le=MOST_EXACT), AsNumber]
Rating = Annotated[float, Field(ge=0, le=100), AsNumber]


class Library(Wire):
    """A section of the library."""

    key: Key
    title: Text
    type: str
    agent: str | None = None
    scanner: str | None = None
    language: str | None = None
    uuid: str | None = None
    refreshing: Flag = False
    hidden: Annotated[
        Flag, Field(description="From the home screen at least, if not from the search as well.")
    ] = False
    created_at: Timestamp = Field(None, alias="createdAt")
    updated_at: Timestamp = Field(None, alias="updatedAt")
    scanned_at: Timestamp = Field(None, alias="scannedAt")


class Item(Wire):
    """A movie, a show, a season, an episode, an album, a track, a photo, a clip or a playlist."""

    rating_key: Key | None = Field(
        None,
        alias="ratingKey",
        description="Plex's key of it; null for what is in no library, such as live TV.",
    )
    title: Text
    type: str
    parent_title: Text | None = Field(None, alias="parentTitle")
    grandparent_title: Text | None = Field(None, alias="grandparentTitle")
    season_number: Count | None = Field(
        None, alias="parentIndex", description="Of an episode; 0 are the specials."
    )
    episode_number: Count | None = Field(None, alias="index", description="Of an episode.")
    library_key: Key | None = Field(None, alias="librarySectionID")
    library_title: Text | None = Field(None, alias="librarySectionTitle")
    year: Year | None = None
    summary: str | None = None
    content_rating: Text | None = Field(None, alias="contentRating")
    rating: Rating | None = None
    duration_seconds: Duration = Field(None, alias="duration")
    added_at: Timestamp = Field(None, alias="addedAt")
    updated_at: Timestamp = Field(None, alias="updatedAt")

    @field_validator("season_number", "episode_number")
    @classmethod
    def _of_episodes(cls, value: int | None, info: ValidationInfo) -> int | None:
        """Of others the same names say other things: a disc and a track, or nothing at all."""
        return value if info.data.get("type") == "episode" else None


class Named(Wire):
    """Who or what plays something."""

    title: Text | None = None
    state: str | None = None


class Session(Item):
    """Something that plays now. Who plays it may be unknown."""

    user: Named | None = Field(None, alias="User")
    player: Named | None = Field(None, alias="Player")
    view_offset_seconds: Duration = Field(None, alias="viewOffset")


class MediaContainer(Wire):
    """What the `MediaContainer` around every answer says of all that is in it."""

    size: Size | None = None
    total_size: Size | None = Field(None, alias="totalSize")
    offset: Size | None = None
    library_title: Text | None = Field(None, alias="librarySectionTitle")


Libraries = Annotated[tuple[Library, ...], FailFast()]
"""As they are kept: who reads them back stops at the first fault."""
Items = Annotated[tuple[Item, ...], FailFast()]


class LibraryPage(BaseModel):
    """Some of a library's items, and how many there are in all."""

    model_config = ConfigDict(frozen=True)

    items: Items
    offset: int
    total: int
