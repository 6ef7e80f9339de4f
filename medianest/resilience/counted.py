"""Numbers of things, in words that people read."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, one: str, more: str | None = None) -> str:
    """So many of them: "1 call", "2 calls"; `more` is what is said of several, `one` and an "s"
    unless it is given."""
    return f"{number} {one}" if number == 1 else f"{number} {more or f'{one}s'}"
