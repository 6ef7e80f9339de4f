"""What `with` blocks around code hold until they end, wherever that is."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Generic, TypeVar

__all__ = ["Blocks"]

T = TypeVar("T")


class Blocks(Generic[T]):
    """The blocks of one owner: the latest of this thread or task ends first. Thread-safe.

    A generator that another thread goes on with ends its block in another context than it began
    in. Then it takes what any block holds: each end settles one, so that all are settled.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: list[T] = []

    def begin(self, held: T) -> None:
        """A block begins here, and holds this."""
        here = [(blocks, each) for blocks, each in _entered.get() if each in blocks._held]
        _entered.set((*here, (self, held)))
        self._held.append(held)

    def end(self) -> T | None:
        """A block ends here: what it held, None where none has begun."""
        entered = _entered.get()
        for place in reversed(range(len(entered))):
            blocks, held = entered[place]
            if blocks is self:  # not always the latest: blocks in generators end in any order
                _entered.set(entered[:place] + entered[place + 1 :])
                if self._take(held):
                    return held  # type: ignore[no-any-return]
        try:
            return self._held.pop(0)
        except IndexError:
            return None

    def _take(self, held: T) -> bool:
        try:
            self._held.remove(held)
        except ValueError:  # another block has ended with it
            return False
        return True


_entered: ContextVar[tuple[tuple[Blocks[Any], Any], ...]] = ContextVar(
    "medianest-entered", default=()
)
"""The blocks around this code."""
