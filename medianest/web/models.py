"""What all answers have in common: strict frozen models, and the kinds of their values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Protocol, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.json_schema import SkipJsonSchema

from medianest.resilience.snapshot import plain

__all__ = [
    "AnswerModel",
    "Count",
    "Degraded",
    "ErrorDetail",
    "IfThere",
    "LastFailure",
    "NextCursor",
    "Number",
    "Percent",
    "RecordId",
    "Seconds",
    "Share",
    "Timestamp",
    "by_name",
]


N = TypeVar("N", bound="_Named")


class AnswerModel(BaseModel):
    """The base of all answers; made of keyword arguments, of a mapping, or of an object with
    those attributes."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        from_attributes=True,
        validate_by_name=True,
        validate_by_alias=True,
        json_schema_serialization_defaults_required=True,
    )


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Timestamp = Annotated[
    datetime,
    AfterValidator(_utc),
    PlainSerializer(plain, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""An instant in UTC with milliseconds: 2026-01-31T12:00:00.000Z."""

_ROUNDED = PlainSerializer(lambda value: round(value, 3), when_used="json")

Count = Annotated[int, Field(ge=0)]
Number = Annotated[float, Field(ge=0), _ROUNDED]
Percent = Annotated[float, Field(ge=0, le=100), _ROUNDED]
Seconds = Annotated[float, Field(ge=0), _ROUNDED]
Share = Annotated[float, Field(ge=0, le=1), _ROUNDED]
"""Not negative, with three decimals."""


RecordId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
NextCursor = Annotated[
    str | None, Field(description="The `cursor` of the next page; null on the last one.")
]

Degraded = Annotated[
    bool, Field(description="Whether the service failed, so that this answer is old or incomplete.")
]


def _is_lacking(value: object) -> bool:
    return value is None


T = TypeVar("T")

IfThere = Annotated[T | SkipJsonSchema[None], Field(exclude_if=_is_lacking)]
"""What the server always has, and is left out in the answers of an app that lacks it."""


class _Named(Protocol):
    """What has a name."""

    @property
    def name(self) -> str:
        """Which no other has."""
        ...


def by_name(found: Iterable[N]) -> dict[str, N]:
    """The same by their names: portals read `a.b.c`, and know no place in a list."""
    return {each.name: each for each in found}


class ErrorDetail(AnswerModel):
    """What went wrong."""

    type: Annotated[str, Field(description="The class of the error.")]
    message: str | None

    @classmethod
    def of(cls, kind: str | None, message: str | None) -> ErrorDetail | None:
        """Of an error that is kept in two columns; None where there was none."""
        return None if kind is None else cls(type=kind, message=message)


class LastFailure(AnswerModel):
    """The last call or check that failed."""

    type: Annotated[str | None, Field(description="Of the error; null of a check.")] = None
    message: str
    failed_at: Annotated[Timestamp | None, Field(validation_alias="at")]
