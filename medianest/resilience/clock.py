"""The only place that reads time or sleeps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.errors import ConfigurationError

__all__ = ["Clock", "ManualClock", "SystemClock", "as_clock"]


@runtime_checkable
class Clock(Protocol):
    """What the library needs to know of time; all durations are seconds."""

    def now(self) -> float:
        """Monotonic seconds; only differences mean anything."""
        ...

    def utc(self) -> datetime:
        """The time of day, for timestamps that people read."""
        ...

    def sleep(self, seconds: float) -> None:
        """Block this thread for `seconds`."""
        ...


class SystemClock:
    """The clock of the operating system: monotonic, so that setting the time changes nothing."""

    # Static, so that `clock.now` is the C function itself and costs no Python frame.
    now = staticmethod(time.monotonic)

    @staticmethod
    def sleep(seconds: float) -> None:
        """Block this thread for `seconds`."""
        time.sleep(seconds)  # looked up now: gevent replaces it, often after this was imported

    @staticmethod
    def utc() -> datetime:
        """The time of day."""
        return datetime.now(UTC)


@tells_arguments
class ManualClock:
    """A clock that moves only when told, for tests: `advance(seconds)`; sleeping advances it."""

    def __init__(self, start: float = 1_000.0) -> None:
        self._now = start
        self._origin = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(seconds=start)
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> float:
        """Seconds since an arbitrary origin."""
        return self._now

    def utc(self) -> datetime:
        """A time of day that moves with `advance`."""
        return self._origin + timedelta(seconds=self._now)

    def sleep(self, seconds: float) -> None:
        """Advance by `seconds` and note it in `slept`."""
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move time forward by `seconds`."""
        with self._lock:
            self._now += seconds


class _FunctionClock:
    """A plain function such as `time.monotonic` used as a clock."""

    utc = staticmethod(SystemClock.utc)

    def __init__(self, now: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.now = now
        self.sleep = sleep


SYSTEM_CLOCK = SystemClock()


def as_clock(source: Clock | Callable[[], float] | None) -> Clock:
    """Accept a Clock, a function that returns monotonic seconds, or None for the system's.

    Raises ConfigurationError for anything else.
    """
    if source is None:
        return SYSTEM_CLOCK
    if isinstance(source, Clock):
        return source
    read = getattr(source, "now", source)
    if callable(read):
        return _FunctionClock(read, getattr(source, "sleep", SystemClock.sleep))
    raise ConfigurationError(
        f"clock must be a Clock or a function that returns seconds, not {source!r}"
    )
