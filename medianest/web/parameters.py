"""What the query and the headers of requests may hold."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Annotated, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from medianest.health.alerts import Rule
from medianest.health.change_history import ChangeType
from medianest.health.series import WindowName
from medianest.resilience.recovery.record import Outcome
from medianest.storage.selection import Selection
from medianest.web.core import core

__all__ = [
    "PLAIN",
    "AuditFilter",
    "CursorPage",
    "EventFilter",
    "Handler",
    "HistoryFilter",
    "Limit",
    "Name",
    "NoParameters",
    "OnceHeaders",
    "Page",
    "Search",
    "SeriesFilter",
    "ServiceName",
    "Strict",
    "full_name",
    "meant",
]


PLAIN = r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
"""No control character, line separator, or mark that changes the direction of writing: it may
stand in a log. Each engine of regular expressions reads it alike."""

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=f"^{PLAIN}+$")]


def full_name(name: str) -> str:
    """A service or a part of it by its own name: to the server "plex" is short for
    "plex-media-server"."""
    service, dot, part = name.partition(".")
    return f"{core().short_names.get(service, service)}{dot}{part}"


def meant(name: str, names: Collection[str]) -> str:
    """Which of `names` is meant: what is really called so goes before what the name is short for.
    A name that is none of them stays as it is."""
    full = full_name(name)
    return full if name not in names and full in names else name


ServiceName = Annotated[Name, AfterValidator(full_name)]
Handler = Annotated[
    Name,
    Field(
        description="Who does the operations: `overseerr.request`. Of another it is 422.",
        examples=["overseerr.request"],
    ),
]


def _instant(text: object) -> datetime:
    """RFC 3339, of which Python reads more forms than there are."""
    try:
        if not isinstance(text, str) or not _RFC_3339.fullmatch(text):
            raise ValueError
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be an instant such as 2026-01-31T12:00:00Z") from None


_RFC_3339 = re.compile(r"(?i)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)

Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Strict(BaseModel):
    """Takes what it names, and nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoParameters(Strict):
    """No parameters."""


class Limit(Strict):
    """How many."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50


class Page(Limit):
    """A page of a list that an upstream numbers."""

    cursor: Annotated[
        Annotated[str, Field(pattern="^[0-9]{1,7}$")] | None,
        Field(description="`next` of the page before."),
    ] = None

    @property
    def offset(self) -> int:
        """How many come before the first one."""
        return int(self.cursor or 0)

    def after(self, total: int | None) -> str | None:
        """Where the next page begins, of so many in all; None on the last one."""
        end = self.offset + self.limit
        return str(end) if total is not None and end < total else None


class CursorPage(Strict):
    """A page of a long list."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[
        Annotated[str, Field(min_length=1, max_length=200)] | None,
        Field(description="`next` of the page before."),
    ] = None

    def selection(self) -> Selection:
        """Which rows are wanted."""
        return Selection(self.model_dump(exclude={"limit", "cursor"}, exclude_none=True))


class Search(Strict):
    """What to search for."""

    query: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"\S"),
        Field(examples=["matrix"]),
    ]


class HistoryFilter(CursorPage):
    """Which recoveries."""

    operation: ServiceName | None = None
    service: ServiceName | None = None
    outcome: Annotated[Outcome | None, Field(examples=["failed"])] = None


class AuditFilter(CursorPage):
    """Which changes."""

    actor: Name | None = None
    action: Name | None = None
    target: Annotated[Name | None, Field(examples=["plex-media-server"])] = None


class EventFilter(CursorPage):
    """Which changes of breakers, components and alerts."""

    type: Annotated[ChangeType | None, Field(examples=["breaker"])] = None
    name: Annotated[
        Name | None,
        Field(
            description="Of a breaker or a component, with the alerts about it; or the key of an "
            "alert."
        ),
    ] = None
    since: Annotated[
        Instant | None, Field(description="From then on.", examples=["2026-01-31T12:00:00Z"])
    ] = None
    until: Annotated[Instant | None, Field(description="Before then.")] = None

    def selection(self) -> Selection:
        """Which rows are wanted."""
        columns: dict[str, str | tuple[str, ...]] = {}
        if self.type is not None:
            columns["type"] = self.type
        if self.name is not None:
            columns["name"] = (self.name, *(f"{rule}:{self.name}" for rule in get_args(Rule)))
        return Selection(columns, self.since, self.until)


class SeriesFilter(Strict):
    """Which figures."""

    window: Annotated[
        WindowName,
        Field(
            description="An hour in steps of ten seconds, or a day in steps of five minutes.",
            examples=["day"],
        ),
    ] = "hour"
    name: Annotated[
        Name | None,
        Field(description="Of a dependency, or a route such as `GET /api/v1/media/libraries`."),
    ] = None


class OnceHeaders(Strict):
    """How a client says that two requests are the same one."""

    idempotency_key: Name | None = Field(
        None,
        alias="Idempotency-Key",
        description="Chosen by the client: what comes twice with the same key is done once.",
        examples=["the-matrix-for-anna"],
    )
