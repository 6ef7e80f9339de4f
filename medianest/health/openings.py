"""With which figures breakers have opened: those of their windows are gone once they have."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from medianest.resilience import Registry
from medianest.resilience.events import StateChanged, state_changed

__all__ = ["Opening", "Openings"]

_TRIPPED, _CLOSED = "tripped", "closed"


@dataclass(frozen=True, slots=True)
class Opening:
    """The figures with which a breaker opened, in words, and when."""

    figures: str
    at: datetime


class Openings:
    """Listens to the breakers of a registry. An outage begins when a closed breaker opens; that
    its probes fail later changes nothing of that. Thread-safe."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._openings: dict[str, Opening] = {}
        state_changed.connect(self._note)

    def of(self, name: str) -> Opening | None:
        """That of a breaker which has not closed since."""
        with self._lock:
            return self._openings.get(name)

    def _note(self, event: StateChanged) -> None:
        breaker = self._registry.find_breaker(event.name)
        if breaker is None or not breaker.is_origin_of(event):
            return
        with self._lock:
            if event.trigger == _TRIPPED and event.reason:
                self._openings[event.name] = Opening(event.reason, event.at)
            elif event.after == _CLOSED:
                self._openings.pop(event.name, None)
