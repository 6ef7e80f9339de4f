"""Tells a process that has joined how the breakers are."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from medianest.peers.shared_breaker import SharedBreaker

__all__ = ["Welcome"]


class Welcome:
    """A socket has room for a few messages, so it may take several turns; who joins asks until it
    has heard everything. Used by one thread."""

    def __init__(self) -> None:
        self._untold: dict[str, list[SharedBreaker]] = {}

    def tell(self, who: str, breakers: Iterable[SharedBreaker]) -> bool:
        """Go on where it has ended; whether that is all."""
        left = self._untold.pop(who, None) or list(breakers)
        while left and left[-1].tell(who):
            left.pop()
        if left:
            self._untold[who] = left
        return not left

    def keep(self, living: Collection[str]) -> None:
        """Forget those that are gone."""
        for gone in self._untold.keys() - living:
            del self._untold[gone]
