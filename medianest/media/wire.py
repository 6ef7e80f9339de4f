"""What the models of all servers' answers have in common: a stranger wrote what they are made of.

A field that makes no sense costs that field: it becomes what it is when it is absent. Only where
there is no such value, it costs the element. Numbers, times and flags may come as text.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

__all__ = ["MOST_EXACT", "AsNumber", "AsText", "Flag", "Id", "Text", "TimeOfDay", "Wire", "number"]

MOST_EXACT: Final = 2**53
"""Larger whole numbers are not the same to every reader of JSON."""


_LONGEST_NUMBER: Final = 40
"""Characters."""


class Wire(BaseModel):
    """The base of what servers send."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        allow_inf_nan=False,
        json_schema_serialization_defaults_required=True,
    )

    @field_validator("*", mode="wrap")
    @classmethod
    def _costs_no_more_than_itself(
        cls, value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Any:
        try:
            return validate(value)
        except ValidationError:
            field = cls.model_fields[info.field_name or ""]
            if field.is_required():
                raise
            return field.get_default(call_default_factory=True)


def number(value: object) -> float | int | None:
    """A number that came as one or as text; None for anything else."""
    if isinstance(value, str):
        value = _read(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _read(text: str) -> float | int | None:
    if len(text) > _LONGEST_NUMBER or not text.isascii() or "_" in text:
        return None
    try:
        return int(text) if text.strip().lstrip("+-").isdigit() else float(text)
    except ValueError:
        return None


def _flag(value: object) -> object:
    """Flags are also numbers, of which some say how much: all but 0 is yes."""
    found = number(value)
    return value if found is None else found != 0


def _text(value: object) -> object:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value


def _utc(value: datetime) -> datetime:
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as error:  # in the first or the last hours of the calendar
        raise ValueError("out of range") from error


AsText: Final = BeforeValidator(_text)
"""For keys and titles: some look like numbers, and come as such."""
AsNumber: Final = BeforeValidator(number)
Text = Annotated[str, AsText]
Flag = Annotated[bool, BeforeValidator(_flag)]
Id = Annotated[int, Field(ge=1, le=MOST_EXACT), AsNumber]
TimeOfDay = Annotated[datetime, AfterValidator(_utc)]
