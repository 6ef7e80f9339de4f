"""How fast the operations of one handler are done, and what is held back."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime

from medianest.config import QueueSettings
from medianest.queue.retry_policy import OUTAGE_DELAY, backoff
from medianest.resilience import Clock

__all__ = ["QueuePace"]

_QUICK, _SLOW = 0.1, 0.25
"""Seconds. A batch that took less may be larger, one that took more must be smaller: what a crash
leaves in doubt, and what waits behind one that hangs, is a batch at most."""

_LARGEST = 64

_SEVERAL = 32

_NEWS = 5.0
"""Seconds between two notes for other processes that the service fails."""

_LONG = 3600.0
"""Seconds after which it is forgotten that a lane was held."""


class QueuePace:
    """Begins gently, after a start as after an outage: one operation, then two, then four.
    Thread-safe."""

    def __init__(self, clock: Clock, concurrency: int) -> None:
        self._clock, self._concurrency = clock, concurrency
        self._lock = threading.Lock()
        self._holds = 0
        self._lanes: dict[str, tuple[float, int]] = {}
        self._last_failure: datetime | None = None
        self._told_at = float("-inf")
        self._failed_last: deque[str] = deque(maxlen=_SEVERAL)
        self.batch = 1
        """Operations that are claimed together."""
        self.hold_until = float("-inf")
        """None is done before; for failures that no breaker counts, such as a wrong key."""
        self.last_success: datetime | None = None
        self.brought_back_at = float("-inf")
        """When it was last looked for what was written in a time to come."""

    def adapt(self, seconds: float, *, well: bool) -> None:
        """A batch has taken so long."""
        if not well:
            return
        if seconds < _QUICK or self.batch < self._concurrency:
            self.batch = min(_LARGEST, self.batch * 2)
        elif seconds > _SLOW:
            self.batch = max(self._concurrency, self.batch // 2)

    def restart(self) -> None:
        """Begin gently again."""
        self.batch = 1

    def note_success(self, now: datetime, lane: str | None) -> None:
        """One was done."""
        with self._lock:
            self._holds, self.last_success = 0, now
            self._failed_last.clear()
            if lane is not None:
                self._lanes.pop(lane, None)

    def note_failure(self, now: datetime, operation_id: str) -> bool:
        """The service could not do one; whether others have not been told of that lately."""
        with self._lock:
            self._last_failure = now
            self._failed_last.append(operation_id)
            is_news = self._clock.now() - self._told_at >= _NEWS
            if is_news:
                self._told_at = self._clock.now()
            return is_news

    @property
    def failed_last(self) -> tuple[str, ...]:
        """The ids of those that failed since the last success. Another one is tried first: were it
        always the oldest, one that can never be done would keep all others from being done."""
        with self._lock:
            return tuple(self._failed_last)

    def failed_after(self, moment: datetime, now: datetime) -> bool:
        """Whether the service has failed since. A failure later than `now` was before the clock
        was set back."""
        return self._last_failure is not None and moment < self._last_failure <= now

    def hold(self, settings: QueueSettings, jittered: Callable[[float], float]) -> None:
        """Do none for a while, longer with each time in a row."""
        with self._lock:
            delay = min(backoff(settings, self._holds), OUTAGE_DELAY)
            self._holds += 1
            self.hold_until = self._clock.now() + jittered(delay)

    def hold_lane(
        self, lane: str, settings: QueueSettings, jittered: Callable[[float], float]
    ) -> None:
        """Do none of a lane for a while, longer with each time in a row."""
        with self._lock:
            _, times = self._lanes.get(lane, (0.0, 0))
            delay = min(backoff(settings, times), OUTAGE_DELAY)
            self._lanes[lane] = self._clock.now() + jittered(delay), times + 1

    def held_lanes(self) -> tuple[str, ...]:
        """Those of which none is done now."""
        if not self._lanes:
            return ()
        now = self._clock.now()
        with self._lock:
            for lane in [lane for lane, (until, _) in self._lanes.items() if now - until > _LONG]:
                del self._lanes[lane]
            return tuple(lane for lane, (until, _) in self._lanes.items() if until > now)
