"""What becomes of this process's log: how many records were dropped, and whether it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable

from medianest.health.check import CheckResult
from medianest.health.status import Status
from medianest.resilience import Clock
from medianest.resilience.clock import as_clock
from medianest.resilience.counted import counted

__all__ = ["LOG", "LogTally"]

_LATELY = 60.0
_STUCK_SECONDS = 5.0
"""A line that takes longer to write waits for somebody who does not read."""


class LogTally:
    """Counts for who writes the log, and is the health check of it. Thread-safe."""

    def __init__(self, clock: Clock | Callable[[], float] | None = None) -> None:
        self._clock = as_clock(clock)
        self.restart()

    def restart(self) -> None:
        """Begin anew, as a forked process does; what its parent counted is the parent's."""
        self._lock = threading.RLock()  # a signal handler may log in the middle of it
        self._dropped, self._dropped_at = 0, float("-inf")
        self._writing_since: float | None = None

    @property
    def dropped(self) -> int:
        """How many records were dropped since the process began."""
        return self._dropped

    def note_dropped(self) -> None:
        """A record found no place, or could not be written."""
        with self._lock:
            self._dropped += 1
            self._dropped_at = self._clock.now()

    def note_begun(self) -> None:
        """A line is being written from now on."""
        self._writing_since = self._clock.now()

    def note_ended(self) -> None:
        """That line was written, or could not be."""
        self._writing_since = None

    def __call__(self) -> CheckResult:
        since, now = self._writing_since, self._clock.now()
        stuck = now - since if since is not None else 0.0
        detail = {"dropped": self._dropped, "stuck_seconds": round(stuck, 3)}
        dropped = counted(self._dropped, "record was dropped", "records were dropped")
        if stuck > _STUCK_SECONDS:
            message = f"its output has been blocked for {stuck:.0f} s; {dropped}"
            return CheckResult(Status.DEGRADED, message, detail)
        if now - self._dropped_at < _LATELY:
            message = f"{dropped}: the log cannot be written, or not fast enough"
            return CheckResult(Status.DEGRADED, message, detail)
        return CheckResult(detail=detail)


LOG = LogTally()
"""That of this process, whose standard error is one."""
