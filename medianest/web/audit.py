"""Who changed what: noted wherever it is kept."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, Final, Protocol

from medianest.resilience import Clock
from medianest.storage.audit_row import audit_row

__all__ = ["Audit", "RecentAudit"]

_MOST: Final = 500


class Audit(Protocol):
    """Where changes are noted."""

    def note(
        self,
        actor: str,
        action: str,
        target: str,
        *,
        reason: str | None = None,
        address: str | None = None,
        correlation_id: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Keep one change. Waits for nothing."""

    def flush(self) -> int:
        """Write what waits to be written; how many."""

    def waiting(self) -> list[dict[str, Any]]:
        """What is in the memory of this process alone, newest first."""


class RecentAudit:
    """The last changes, in the memory of this process. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: deque[dict[str, Any]] = deque(maxlen=_MOST)
        self._lock = threading.Lock()

    def note(self, actor: str, action: str, target: str, **more: Any) -> None:
        """Keep one change; `more` is what `Audit.note` takes."""
        row = audit_row(self._clock.utc(), actor, action, target, **more)
        with self._lock:
            self._rows.appendleft(row)

    def flush(self) -> int:
        """There is nowhere to write it."""
        return 0

    def waiting(self) -> list[dict[str, Any]]:
        """All of them, newest first."""
        with self._lock:
            return list(self._rows)
