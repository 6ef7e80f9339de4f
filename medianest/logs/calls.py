"""What becomes of single calls: for those who develop, or look for something."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from medianest.resilience.counted import counted
from medianest.resilience.events import (
    BudgetExhausted,
    BulkheadFull,
    CallRefused,
    Degraded,
    PatienceUsed,
    RetryScheduled,
)
from medianest.resilience.snapshot import describe

if TYPE_CHECKING:
    from blinker import Signal

__all__ = ["log_calls"]

calls = logging.getLogger("medianest.calls")


def log_calls(wanted: bool) -> None:
    """Log retries, refusals and degraded answers from now on, or no more: thousands of calls pay
    for each listener."""
    for signal, listen in _LISTENERS:
        if wanted:
            signal.connect(listen)
        else:
            signal.disconnect(listen)


def _log_retry(event: RetryScheduled) -> None:
    calls.debug("%s failed (%s): tried again in %.2f s", event.name, _why(event), event.delay)


def _log_budget(event: BudgetExhausted) -> None:
    calls.debug("%s failed (%s): too many retries to try it again", event.name, _why(event))


def _log_refusal(event: CallRefused) -> None:
    calls.debug("circuit breaker %s refused a call", event.name)


def _log_full(event: BulkheadFull) -> None:
    calls.debug("%s is full: %s at once", event.name, counted(event.max_concurrent, "call"))


def _log_degraded(event: Degraded) -> None:
    age = "" if event.age is None else f", {event.age:.0f} s old"
    calls.debug("%s failed (%s): degraded answer, %s%s", event.name, _why(event), event.source, age)


def _log_patience(event: PatienceUsed) -> None:
    calls.debug("%s took over %g s: the last good answer in its place", event.name, event.seconds)


def _why(event: RetryScheduled | BudgetExhausted | Degraded) -> str:
    return ": ".join(filter(None, describe(event.error)))


_LISTENERS: tuple[tuple[Signal, Callable[[Any], None]], ...] = (
    (RetryScheduled.signal, _log_retry),
    (BudgetExhausted.signal, _log_budget),
    (CallRefused.signal, _log_refusal),
    (BulkheadFull.signal, _log_full),
    (Degraded.signal, _log_degraded),
    (PatienceUsed.signal, _log_patience),
)
