"""What is wrong with a server that answers: a key that it refuses, a source that is away."""

from __future__ import annotations

import threading

from medianest.resilience import Clock

__all__ = ["Troubles"]

_LAST_SECONDS = 300.0
"""A trouble that nobody has met again for so long is not known to last."""


_MOST_TOLD = 5


class Troubles:
    """The troubles of one server, by their kind. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._met: dict[str, tuple[str, float]] = {}

    def meet(self, kind: str, message: str) -> None:
        """It is there now."""
        with self._lock:
            self._met[kind] = message, self._clock.now()

    def still(self, *kinds: str) -> None:
        """What is known of them lasts."""
        now = self._clock.now()
        with self._lock:
            for kind in kinds:
                if kind in self._met:
                    self._met[kind] = self._met[kind][0], now

    def end(self, *kinds: str) -> None:
        """It has been proven to be over."""
        if not self._met:  # as nearly always, and without the lock
            return
        with self._lock:
            for kind in kinds:
                self._met.pop(kind, None)

    def knows(self, kind: str) -> bool:
        """Whether it is known, and not that it is over."""
        with self._lock:
            met = self._met.get(kind)
        return met is not None and self._clock.now() - met[1] < _LAST_SECONDS

    def message(self) -> str | None:
        """What is wrong; None while nothing is."""
        if not self._met:
            return None
        now = self._clock.now()
        with self._lock:
            for kind in [k for k, (_, at) in self._met.items() if now - at >= _LAST_SECONDS]:
                del self._met[kind]
            known = sorted(text for text, _ in self._met.values())
        more = [f"and {len(known) - _MOST_TOLD} more"] if len(known) > _MOST_TOLD else []
        return "; ".join([*known[:_MOST_TOLD], *more]) or None
