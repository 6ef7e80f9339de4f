"""Whose failure it is that a call broke off: the connection's, an operation's or the server's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from medianest.media.errors import MediaError, SlowError, UnreachableError
from medianest.resilience import Strategy
from medianest.resilience.outcome import reraise
from medianest.resilience.strategy import Invoke

__all__ = ["BrokenOff", "Reached", "nothing_was_sent"]


def nothing_was_sent(error: BaseException) -> bool:
    """Whether an error is the connection's alone."""
    return isinstance(error, UnreachableError | SlowError) and not error.uncertain


class BrokenOff:
    """Whose calls broke off since anything was answered. Thread-safe: each step is atomic."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def note(self, name: str) -> None:
        """A call of that operation broke off."""
        self._names[name] = None

    def clear(self) -> None:
        """The server has answered."""
        if self._names:
            self._names = {}

    def is_of_one_operation(self, error: BaseException) -> bool:
        """Whether what broke off says nothing of the server as a whole."""
        return not nothing_was_sent(error) and len(self._names) < 2


@dataclass(slots=True)
class _Told:
    """An error that the server answered with."""

    error: MediaError | None
    """None once it is raised: frames in between know this object, and the error knows them."""


class Reached(Strategy):
    """Shows the breaker of a server that an error which it answered with was an answer: beneath
    that breaker it is a result, above it an error again."""

    def __init__(self, name: str, broken: BrokenOff) -> None:
        self._name, self._broken = name, broken
        super().__init__()

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose it around the breaker of the server."""

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            result = inner(self._ask, (function, args, kwargs), {})
            if type(result) is not _Told:
                return result
            error, result.error = result.error, None
            assert error is not None
            try:
                reraise(error)
            finally:
                del error  # or error and frame would keep each other

        return invoke

    def _ask(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        try:
            result = function(*args, **kwargs)
        except (UnreachableError, SlowError) as error:
            if error.uncertain:
                self._broken.note(self._name)
            raise
        except MediaError as error:
            result = _Told(error)
        self._broken.clear()
        return result
