"""What Plex sends, and what of it we pass on.

Its JSON has strings for keys, both `false` and `0` for flags, Unix seconds for times and
milliseconds for durations; empty lists are absent; most fields are optional.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializationInfo,
    WithJsonSchema,
)

from medianest.resilience.snapshot import plain

__all__ = ["Container", "Hub", "Item", "Library", "Page", "Session"]


def _timestamp(value: object) -> object:
    """Plex's Unix seconds; 0 and nonsense mean that it does not know."""
    if isinstance(value, int) and 0 < value < 32_503_680_000:  # the year 3000
        return datetime.fromtimestamp(value, UTC)
    return None


def _seconds(value: object) -> object:
    try:
        return value / 1000 if isinstance(value, int | float) else None
    except OverflowError:  # nonsense, too
        return None


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) else value


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
Text = Annotated[str, BeforeValidator(_text)]


class _Wire(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        json_schema_serialization_defaults_required=True,
    )


class Library(_Wire):
    """A section of the library."""

    key: Text
    title: str
    type: str
    agent: str | None = None
    scanner: str | None = None
    language: str | None = None
    uuid: str | None = None
    refreshing: bool = False
    hidden: bool = False
    created_at: Timestamp = Field(None, alias="createdAt")
    updated_at: Timestamp = Field(None, alias="updatedAt")
    scanned_at: Timestamp = Field(None, alias="scannedAt")


class Item(_Wire):
    """A movie, a show, a season, an episode, an album or a track."""

    rating_key: Text = Field(alias="ratingKey")
    title: str
    type: str
    parent_title: str | None = Field(None, alias="parentTitle")
    grandparent_title: str | None = Field(None, alias="grandparentTitle")
    library_key: Text | None = Field(None, alias="librarySectionID")
    library_title: str | None = Field(None, alias="librarySectionTitle")
    year: int | None = None
    summary: str | None = None
    content_rating: str | None = Field(None, alias="contentRating")
    rating: float | None = None
    duration_seconds: Duration = Field(None, alias="duration")
    added_at: Timestamp = Field(None, alias="addedAt")
    updated_at: Timestamp = Field(None, alias="updatedAt")


class Named(_Wire):
    """Who or what plays something."""

    title: str | None = None
    state: str | None = None


class Session(Item):
    """Something that plays now. Who plays it may be unknown."""

    user: Named | None = Field(None, alias="User")
    player: Named | None = Field(None, alias="Player")
    view_offset_seconds: Duration = Field(None, alias="viewOffset")


class Hub(_Wire):
    """One kind of search result."""

    type: str
    items: tuple[Item, ...] = Field((), alias="Metadata")


class Container(_Wire):
    """The `MediaContainer` around every answer."""

    size: int = Field(0, ge=0)
    total_size: int | None = Field(None, alias="totalSize", ge=0)
    directory: tuple[dict[str, Any], ...] = Field((), alias="Directory")
    metadata: tuple[dict[str, Any], ...] = Field((), alias="Metadata")
    hub: tuple[dict[str, Any], ...] = Field((), alias="Hub")
    machine_identifier: str | None = Field(None, alias="machineIdentifier")
    version: str | None = None


class Page(BaseModel):
    """Some of a library's items, and how many there are in all."""

    model_config = ConfigDict(frozen=True)

    items: tuple[Item, ...]
    offset: int
    total: int
