"""What a server says in words of its own, as people may be shown it."""

from __future__ import annotations

__all__ = ["said"]


def said(text: str, most: int) -> str:
    """One line of at most so many characters. What would move a cursor, turn the text around it
    or cannot be sent is a question mark."""
    line = " ".join(text[:most].split())
    return "".join(character if character.isprintable() else "?" for character in line)
