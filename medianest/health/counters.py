"""How often what nobody else counts has happened: fallbacks that answered, retries that helped."""

from __future__ import annotations

import threading
from collections import Counter

from medianest.resilience.events import Degraded, Recovered, degraded, recovered

__all__ = ["Counters"]


class Counters:
    """Listens to the events of this process, and counts them by name. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fallbacks: Counter[tuple[str, str]] = Counter()
        self._recovered: Counter[str] = Counter()
        degraded.connect(self._note_fallback)
        recovered.connect(self._note_recovered)

    def fallbacks(self) -> dict[tuple[str, str], int]:
        """How often the fallback of a name answered, and from what source."""
        with self._lock:
            return dict(sorted(self._fallbacks.items()))

    def recovered(self) -> dict[str, int]:
        """How many calls succeeded after they had failed."""
        with self._lock:
            return dict(sorted(self._recovered.items()))

    def _note_fallback(self, event: Degraded) -> None:
        with self._lock:
            self._fallbacks[event.name, event.source] += 1

    def _note_recovered(self, event: Recovered) -> None:
        with self._lock:
            self._recovered[event.name] += 1
