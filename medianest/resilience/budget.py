"""The retry budget: retries may be a share of the calls, so that they never become a storm."""

from __future__ import annotations

import threading
from collections.abc import Callable

from medianest.resilience.clock import Clock, as_clock
from medianest.resilience.errors import ConfigurationError
from medianest.resilience.options import is_number
from medianest.resilience.tally import Tally

__all__ = ["RetryBudget"]

_MAX_SAVED = 100.0
"""Retries that calm times can save up."""

_ONE = 1 - 1e-9
"""A whole retry, in spite of rounding: five fifths add up to less than one."""


class RetryBudget:
    """Each call earns `ratio` of a retry; a small reserve, refilled over `period` seconds, lets
    a quiet service retry as well. Share one among all that call the same dependency. Thread-safe.

    After Finagle's RetryBudget: https://finagle.github.io/blog/2016/02/08/retry-budgets/
    """

    def __init__(
        self,
        ratio: float = 0.2,
        reserve: int = 10,
        period: float = 60.0,
        *,
        clock: Clock | Callable[[], float] | None = None,
        held_back: Callable[[], str | None] = lambda: None,
    ) -> None:
        numbers = all(is_number(value) for value in (ratio, reserve, period))
        if not numbers or not 0 <= ratio <= 1 or reserve < 0 or period <= 0:
            raise ConfigurationError(
                f"a retry budget takes a ratio from 0 to 1, a reserve of at least 0 and a period "
                f"above 0, not {ratio!r}, {reserve!r}, {period!r}"
            )
        self.held_back = held_back
        """Why no retry should be made now, whatever is left; None when there is no such reason."""
        self.ratio, self.reserve, self.period = ratio, reserve, period
        self._clock = as_clock(clock)
        self._lock = threading.Lock()
        self.calls = Tally()
        """Bumped by each first attempt."""
        self._calls_seen = 0
        self._earned = 0.0
        self._reserve = float(reserve)
        self._refilled_at = self._clock.now()
        self._spent = 0
        self._denied = 0

    def withdraw(self) -> bool:
        """Pay for one retry; False when there is nothing left."""
        now, calls = self._clock.now(), self.calls.read()
        with self._lock:
            self._collect(now, calls)
            if self._earned >= _ONE:
                self._earned -= 1
            elif self._reserve >= _ONE:
                self._reserve -= 1
            else:
                self._denied += 1
                return False
            self._spent += 1
            return True

    def snapshot(self) -> dict[str, float]:
        """Calls, retries paid for and denied, and the retries that are left now."""
        now, calls = self._clock.now(), self.calls.read()
        with self._lock:
            self._collect(now, calls)
            left = int(self._earned / _ONE) + int(self._reserve / _ONE)
            return {"calls": calls, "retries": self._spent, "denied": self._denied, "left": left}

    def _collect(self, now: float, calls: int) -> None:
        # A thread that read its figures earlier may come later: never count backwards.
        self._earned = min(_MAX_SAVED, self._earned + max(0, calls - self._calls_seen) * self.ratio)
        self._calls_seen = max(self._calls_seen, calls)
        refill = max(0.0, now - self._refilled_at) * self.reserve / self.period
        self._reserve = min(float(self.reserve), self._reserve + refill)
        self._refilled_at = max(self._refilled_at, now)
