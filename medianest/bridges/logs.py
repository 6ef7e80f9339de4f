"""What changes, as lines of a logger: breakers, recoveries, health and alerts; no successes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from medianest.health.events import AlertChanged, HealthChanged
from medianest.resilience import ConfigurationError
from medianest.resilience.events import RecoveryFinished, StateChanged, WouldHaveOpened

if TYPE_CHECKING:
    from blinker import Signal

    from medianest.resilience.recovery import RecoveryRecord

__all__ = ["log_events"]


_QUIET, _MOST_OUTAGES = timedelta(minutes=5), 1000

_lock = threading.Lock()
_listening: dict[logging.Logger, _Lines] = {}
"""By their loggers: none tells anything twice."""


def log_events(logger: logging.Logger) -> Callable[[], None]:
    """Log every event of this process from now on, each record with its `service`; nothing when
    that logger does already. Returns a function that ends it."""
    if not isinstance(logger, logging.Logger):
        raise ConfigurationError(f"log_events takes a logging.Logger, not {logger!r:.200}")
    with _lock:
        if logger not in _listening:
            lines = _listening[logger] = _Lines(logger)
            for signal, listen in lines.listeners():
                signal.connect(listen)
    return partial(_end, logger)


def _end(logger: logging.Logger) -> None:
    with _lock:
        lines = _listening.pop(logger, None)
        for signal, listen in lines.listeners() if lines is not None else ():
            signal.disconnect(listen)


class _Outages:
    """What fails again and again is told when it begins, and anew when it begins again."""

    def __init__(self) -> None:
        self._failed_at: dict[tuple[str, str], datetime] = {}

    def is_news(self, record: RecoveryRecord) -> bool:
        """Whether that has not failed in this way for a while."""
        key = record.operation, record.error_type
        before = self._failed_at.pop(key, None)
        while len(self._failed_at) >= _MOST_OUTAGES:
            self._failed_at.pop(next(iter(self._failed_at), key), None)
        self._failed_at[key] = record.at
        return before is None or abs(record.at - before) > _QUIET


class _Lines:
    """Writes a line for each event that is news."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger, self._outages = logger, _Outages()

    def listeners(self) -> tuple[tuple[Signal, Callable[[Any], None]], ...]:
        """Each signal, and what listens to it."""
        return (
            (StateChanged.signal, self.state_changed),
            (WouldHaveOpened.signal, self.would_have_opened),
            (RecoveryFinished.signal, self.recovery_finished),
            (HealthChanged.signal, self.health_changed),
            (AlertChanged.signal, self.alert_changed),
        )

    def state_changed(self, event: StateChanged) -> None:
        self._logger.warning(
            "circuit breaker %s: %s -> %s (%s)%s%s",
            event.name,
            event.before,
            event.after,
            event.trigger,
            f": {event.reason}" if event.reason else "",
            f", by {event.actor}" if event.actor else "",
            extra={"service": event.name},
        )

    def would_have_opened(self, event: WouldHaveOpened) -> None:
        self._logger.warning(
            "circuit breaker %s is disabled and would have opened: %s",
            event.name,
            event.reason,
            extra={"service": event.name},
        )

    def recovery_finished(self, event: RecoveryFinished) -> None:
        record = event.record
        if record.ended_at is not None and record.count > 1:
            self._logger.info(
                "%s answered %d calls of %s while that failed",
                record.recovered_by,
                record.count,
                record.operation,
                extra={"service": record.service},
            )
            return
        if record.ended_at is not None:
            return  # it has been told when it happened
        if record.recovered_by is None and not self._outages.is_news(record):
            return
        by = f"recovered by {record.recovered_by}" if record.recovered_by else "not recovered"
        self._logger.info(
            "%s failed (%s) and was %s after %.3f s",
            record.operation,
            record.error_type,
            by,
            record.seconds,
            extra={"service": record.service},
        )

    def health_changed(self, event: HealthChanged) -> None:
        level = logging.INFO if event.after == "healthy" else logging.WARNING
        why = f": {event.message}" if event.message and event.after != "healthy" else ""
        message = "health of %s: %s -> %s%s"
        if event.before == "unknown" and event.after == "healthy":
            return  # the first look at what is well is a success, and no news
        self._logger.log(
            level, message, event.name, event.before, event.after, why, extra=_service(event)
        )

    def alert_changed(self, event: AlertChanged) -> None:
        level = {"resolved": logging.INFO}.get(event.state, logging.WARNING)
        if event.state == "firing" and event.severity == "critical":
            level = logging.ERROR
        word = "resolved" if event.state == "resolved" else event.severity
        if event.is_silent:
            level, word = logging.INFO, f"{word}, silenced"
        self._logger.log(
            level, "alert %s (%s): %s", word, event.rule, event.message, extra=_service(event)
        )


def _service(event: HealthChanged | AlertChanged) -> dict[str, str]:
    return {"service": event.name}
