"""The retry budget: retries may be a share of the calls, so that they never become a storm."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from enum import Enum
from typing import Final, Literal, TypeAlias

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.clock import Clock, as_clock
from medianest.resilience.counter import LockFreeCounter
from medianest.resilience.errors import ConfigurationError
from medianest.resilience.options import is_number

__all__ = ["USUAL", "NoBudget", "RetryBudget", "Usual", "checked_budget", "chosen"]

logger = logging.getLogger(__name__)

_MAX_SAVED = 100.0
"""Retries that calm times can save up."""

_ONE = 1 - 1e-9
"""A whole retry, in spite of rounding: five fifths add up to less than one."""


class _Choice(Enum):
    USUAL = "usual"


USUAL: Final = _Choice.USUAL
"""The budget that is taken where none is given and none is refused."""

Usual: TypeAlias = Literal[_Choice.USUAL]


@tells_arguments
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
        suspended: Callable[[], str | None] = lambda: None,
    ) -> None:
        numbers = all(is_number(value) for value in (ratio, reserve, period))
        if not numbers or not 0 <= ratio <= 1 or reserve < 0 or period <= 0:
            raise ConfigurationError(
                f"a retry budget takes a ratio from 0 to 1, a reserve of at least 0 and a period "
                f"above 0, not {ratio!r}, {reserve!r}, {period!r}; budget=None is none at all"
            )
        if not callable(suspended):
            raise ConfigurationError(
                f"suspended of a retry budget must be a function () -> reason or None, "
                f"not {suspended!r}"
            )
        self.suspended = suspended
        """Why no retry should be made now, whatever is left; None when there is no such reason."""
        self.ratio, self.reserve, self.period = ratio, reserve, period
        self._clock = as_clock(clock)
        self._lock = threading.Lock()
        self.calls = LockFreeCounter()
        """Bumped by each first attempt."""
        self._calls_seen = 0
        self._earned = 0.0
        self._reserve = float(reserve)
        self._refilled_at = self._clock.now()
        self._spent = 0
        self._denied = 0

    def __str__(self) -> str:
        return (
            f"a retry for {self.ratio:.0%} of the calls and {self.reserve:g} more in "
            f"{self.period:g} s; budget=None turns it off"
        )

    def why_suspended(self) -> str | None:
        """What `suspended` says; None as well when it cannot say."""
        try:
            return self.suspended()
        except Exception:  # a retry is due to an error that must not be hidden
            logger.exception("suspended of a retry budget failed")
            return None

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


class NoBudget(RetryBudget):
    """Pays for every retry, and counts them."""

    def withdraw(self) -> bool:
        """Always."""
        with self._lock:
            self._spent += 1
        return True


def checked_budget(owner: str, budget: RetryBudget | Usual | None) -> RetryBudget | Usual | None:
    """What was given as a budget. Raises ConfigurationError for what is none."""
    if budget is not None and budget is not USUAL and not isinstance(budget, RetryBudget):
        raise ConfigurationError(f"{owner}: budget must be a RetryBudget or None, not {budget!r}")
    return budget


def chosen(budget: RetryBudget | Usual | None, clock: Clock) -> RetryBudget:
    """The budget that somebody has who chose one, none, or the usual."""
    if budget is None:
        return NoBudget(clock=clock)
    return RetryBudget(clock=clock) if budget is USUAL else budget
