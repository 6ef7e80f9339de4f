"""What a test knows and a type checker cannot."""

from __future__ import annotations

from typing import TypeVar

Value = TypeVar("Value")


def not_none(value: Value | None) -> Value:
    """The value, which must be there."""
    assert value is not None
    return value
