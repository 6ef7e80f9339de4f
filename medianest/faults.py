"""What pydantic finds wrong, in the words of our own errors."""

from __future__ import annotations

__all__ = ["in_our_words"]


def in_our_words(message: str) -> str:
    """What is allowed, of a message of a ValidationError."""
    if message == "Field required":
        return "must be given"
    message = message.removeprefix("Value error, ").partition(", unable to")[0]
    return message.replace("Input should be", "must be", 1)
