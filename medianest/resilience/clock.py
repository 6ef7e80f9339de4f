"""The only place that reads time or sleeps.

There are three clocks, each for what it is right for:

- `now` is for what a running process waits for or measures: deadlines, timeouts, durations, the
  windows and waits of circuit breakers, retries. It stands still while the machine sleeps (a lid
  that is shut, a virtual machine that is suspended): a call that had two seconds left has them
  afterwards, and a breaker does not take an hour of silence for an hour of trouble.
- `elapsed_of(clock)` is for the age of what is remembered: last good answers, idle connections.
  Whatever slept, an answer of yesterday is one of yesterday.
- `utc` is for what people read and other processes keep. It can be set to any other time: whoever
  calculates with it asks `medianest.resilience.steps`, or is right with any value.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, Protocol, runtime_checkable

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.errors import ConfigurationError

__all__ = ["Clock", "ManualClock", "SystemClock", "as_clock", "elapsed_of"]

_BOOTTIME: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)


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

    elapsed = staticmethod(
        time.monotonic if _BOOTTIME is None else partial(time.clock_gettime, _BOOTTIME)
    )
    """Monotonic seconds that go on while the machine sleeps, where the system counts them."""

    @staticmethod
    def utc() -> datetime:
        """The time of day."""
        return datetime.now(UTC)


@tells_arguments
class ManualClock:
    """A clock that moves only when told, for tests: `advance(seconds)`; sleeping advances it.
    `suspend(seconds)` is what a shut lid does, `set_by(seconds)` what whoever sets the time does.
    """

    def __init__(self, start: float = 1_000.0) -> None:
        self._now = start
        self._origin = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(seconds=start)
        self._lock = threading.Lock()
        self._suspended = self._set = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        """Seconds since an arbitrary origin."""
        return self._now

    def elapsed(self) -> float:
        """The same, with the time that was spent asleep."""
        return self._now + self._suspended

    def utc(self) -> datetime:
        """A time of day that moves with `advance`."""
        return self._origin + timedelta(seconds=self._now + self._suspended + self._set)

    def sleep(self, seconds: float) -> None:
        """Advance by `seconds` and note it in `slept`."""
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move time forward by `seconds`."""
        with self._lock:
            self._now += seconds

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep for `seconds`."""
        with self._lock:
            self._suspended += seconds

    def set_by(self, seconds: float) -> None:
        """Set the time of day forward by `seconds`, or back where they are negative."""
        with self._lock:
            self._set += seconds


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


def elapsed_of(clock: Clock) -> Callable[[], float]:
    """What tells the age of what is remembered: monotonic seconds with the time asleep, if that
    clock knows them."""
    elapsed: Callable[[], float] = getattr(clock, "elapsed", clock.now)
    return elapsed
