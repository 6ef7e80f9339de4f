"""Steps of the time of day: somebody sets it, or a board without a battery learns it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from medianest.resilience.clock import Clock, elapsed_of

__all__ = ["ClockSteps"]

_UNNOTICED: Final = 2.0
"""Seconds. What NTP corrects little by little is no step."""

_REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True)
class _Forward:
    """`seconds` that never were, after the time `before`."""

    noticed_at: float
    before: datetime
    seconds: float


class ClockSteps:
    """Notices that the time of day was set while this process ran, whenever it is asked, so that
    nothing that was written down before grows old by that. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._elapsed = clock, elapsed_of(clock)
        self._lock = threading.Lock()
        self._offset = self._clock.utc().timestamp() - self._elapsed()
        self._forward: deque[_Forward] = deque(maxlen=_REMEMBERED)

    def look(self) -> float:
        """By how many seconds it was set forward since the last look, or back where they are
        negative; 0.0 when it was not."""
        elapsed, now = self._elapsed(), self._clock.utc()
        with self._lock:
            offset = now.timestamp() - elapsed
            step, self._offset = offset - self._offset, offset
            if step > _UNNOTICED:
                before = now - timedelta(seconds=step)
                self._forward.append(_Forward(elapsed, before, step))
            return step if abs(step) > _UNNOTICED else 0.0

    def age(self, moment: datetime) -> float:
        """Seconds since a time that was written down; below zero for one that is still to come,
        as the clock was set back since."""
        self.look()
        skipped = sum(each.seconds for each in self._known() if moment <= each.before)
        return (self._clock.utc() - moment).total_seconds() - skipped

    def ago(self, seconds: float) -> datetime:
        """The time of `seconds` ago: whatever was written down before it is older than that."""
        self.look()
        since = self._elapsed() - seconds
        skipped = sum(each.seconds for each in self._known() if each.noticed_at > since)
        return self._clock.utc() - timedelta(seconds=seconds + skipped)

    def _known(self) -> list[_Forward]:
        with self._lock:
            return list(self._forward)
