"""Which records are wanted, newest first, and where a page of them ends."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

__all__ = ["Cursor", "CursorError", "Selection", "several"]


class CursorError(ValueError):
    """Not a cursor that we have given."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: the next page begins behind it."""

    at: datetime
    id: str

    def __str__(self) -> str:
        text = json.dumps([self.at.isoformat(), self.id])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str | None) -> Cursor | None:
        """From its text; None stays None. Raises CursorError."""
        if text is None:
            return None
        try:
            at, row = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            moment = datetime.fromisoformat(at).astimezone(UTC)
            if re.fullmatch("[0-9a-f]{32}", row) is None:
                raise ValueError
        except (ValueError, TypeError, OverflowError, binascii.Error):
            raise CursorError("the cursor is not one that was given by this endpoint") from None
        return cls(moment, row)


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of which each of `columns` has the value there, or one of them where it is a tuple,
    from `since` on and before `until`."""

    columns: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None

    def has(self, row: Mapping[str, Any]) -> bool:
        """Whether a row in memory is one of them."""
        is_late = self.since is None or row["at"] >= self.since
        is_early = self.until is None or row["at"] < self.until
        columns = self.columns.items()
        return is_late and is_early and all(row[name] in several(value) for name, value in columns)


def several(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """A value, or each of several."""
    return value if isinstance(value, tuple) else (value,)
