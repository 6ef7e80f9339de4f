"""By which name a strategy that has none is told: that of the function it protects."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from medianest.resilience.signs import read

__all__ = ["UNNAMED", "name_for"]

UNNAMED: Final = "call"
"""The name of a strategy that was given none."""


def name_for(own: str, function: Callable[..., Any]) -> str:
    """The name of a strategy, or of what it calls."""
    if own != UNNAMED:
        return own
    while isinstance(function, partial):
        function = function.func
    found = read(function, "__qualname__") or type(function).__qualname__
    return found if isinstance(found, str) else own
