"""Times, ages and texts as people read them."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Final

__all__ = ["age", "brief", "clock_time", "instant", "milliseconds", "plain"]

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def plain(text: object) -> str:
    """On one line, and without anything that would move the cursor or change colours."""
    line = " ".join(str(text).split())
    return line if line.isprintable() else "".join(c if c.isprintable() else "�" for c in line)


def instant(text: str) -> datetime:
    """An instant of the API."""
    return datetime.fromisoformat(text)


def clock_time(text: str | None, now: datetime) -> str:
    """An instant of the API on the clock of this place; with the day unless that is `now`'s."""
    if text is None:
        return "-"
    here = instant(text).astimezone()
    is_today = here.date() == now.astimezone().date()
    return here.strftime("%H:%M:%S" if is_today else "%d %b %H:%M")


def age(seconds: float | None) -> str:
    """A duration in its two largest units."""
    if seconds is None:
        return "-"
    whole = max(0, round(seconds))
    for (size, unit), (part, small) in pairwise(_UNITS):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def milliseconds(seconds: float | None) -> str:
    """A short duration."""
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def brief(message: str | None, name: str) -> str:
    """A message about something whose name stands beside it already."""
    return plain(message or "").removeprefix(f"{name}: ")
