"""What others say of circuit breakers that this process has not made yet."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from medianest.peers.messages import Standing
from medianest.peers.shared_breaker import SharedBreaker

__all__ = ["Unmet"]

_MOST: Final = 1000
"""Breakers that are remembered; of more, those that were heard of last."""


class Unmet:
    """The highest standing of each, so that a breaker is as the others' from its first call on.
    Thread-safe."""

    def __init__(self) -> None:
        self._heard: OrderedDict[str, Standing] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, standing: Standing) -> None:
        """Others say that it stands so."""
        with self._lock:
            known = self._heard.get(standing.breaker)
            if known is None or known.rank < standing.rank:
                self._heard[standing.breaker] = standing
            self._heard.move_to_end(standing.breaker)
            if len(self._heard) > _MOST:
                self._heard.popitem(last=False)

    def meet(self, shared: SharedBreaker, now: float) -> None:
        """It is made, and nobody else has it yet."""
        with self._lock:
            standing = self._heard.pop(shared.breaker.name, None)
        if standing is not None:
            shared.hear(standing.by, standing, now)

    def clear(self) -> None:
        """Forget all of it."""
        with self._lock:
            self._heard.clear()
