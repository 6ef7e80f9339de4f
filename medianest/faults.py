"""What pydantic finds wrong, in the words of our own errors."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["in_our_words"]

_SUBJECT: Final = re.compile("^[A-Z][a-z]+ should ")
"""As in "Input should be", "String should have"."""


def in_our_words(message: str) -> str:
    """What is allowed, of a message of a ValidationError."""
    if message == "Field required":
        return "must be given"
    message = message.removeprefix("Value error, ").partition(", unable to")[0]
    return _SUBJECT.sub("must ", message)
