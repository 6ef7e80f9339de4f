"""Functions that users give: how they can be called is found out when they are given, not when a
call has failed and its error would be hidden by ours."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from medianest.resilience.errors import ConfigurationError

__all__ = ["Handler", "answering", "takes"]

Handler: TypeAlias = Callable[[BaseException], Any] | Callable[[], Any]
"""Answers from the error, or whatever the error is."""

_EMPTY: Final = (list, dict, set, frozenset, tuple)
"""They take an argument, but nobody means to fill them with an error."""


def answering(handler: Any, owner: str) -> Callable[[BaseException], Any]:
    """A handler as a function of the error. Raises ConfigurationError for what cannot be one."""
    if not callable(handler):
        raise ConfigurationError(
            f"{owner}: give a function (error) -> answer or () -> answer, not {handler!r}"
        )
    if handler in _EMPTY or not takes(handler, 1):
        if not takes(handler, 0):
            raise ConfigurationError(
                f"{owner}: the function is called with the error or with nothing, and cannot be: "
                f"{handler!r} takes {inspect.signature(handler)}"
            )
        return lambda error: handler()
    return handler  # type: ignore[no-any-return]


def takes(function: Callable[..., Any], arguments: int) -> bool:
    """Whether a function can be called with so many; true where it does not tell."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some that are written in C
        return True
    try:
        signature.bind(*[None] * arguments)
    except TypeError:
        return False
    return True
