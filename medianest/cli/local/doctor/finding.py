"""What a look at one thing finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "fault", "good", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """How something is; a fault keeps MediaNest from doing its work, a note does not. `remedy` is
    what to do."""

    status: Literal["good", "note", "fault"]
    message: str
    remedy: str | None = None


def good(message: str) -> Finding:
    """It is well."""
    return Finding("good", message)


def note(message: str, remedy: str | None = None) -> Finding:
    """It works, and somebody may want to know."""
    return Finding("note", message, remedy)


def fault(message: str, remedy: str) -> Finding:
    """It does not work until somebody does something."""
    return Finding("fault", message, remedy)
