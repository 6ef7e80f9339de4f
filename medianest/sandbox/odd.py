"""Elements that genuine servers send and that strict readers choke on, among good ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

__all__ = ["HALF_EMOJI", "NO_ELEMENTS", "mixed"]

HALF_EMOJI: Final = "\ud83c"
"""A lone surrogate: JSON can spell it, UTF-8 cannot."""

NO_ELEMENTS: Final[Sequence[Any]] = (None, 7, "an element", [], {})


def mixed(good: Sequence[Any], odd: Sequence[Any]) -> list[Any]:
    """The good elements in their order, each followed by an odd one while there are any."""
    odd = odd[: len(good)]
    pairs = [each for pair in zip(good, odd, strict=False) for each in pair]
    return [*pairs, *good[len(odd) :]]
