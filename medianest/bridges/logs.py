"""What changes, as lines of a logger: breakers, recoveries, health and alerts; no successes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from medianest.resilience import ConfigurationError, events

__all__ = ["log_events"]

_SIGNALS = (
    "state_changed",
    "would_have_opened",
    "recovery_finished",
    "health_changed",
    "alert_changed",
)

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
            for name in _SIGNALS:
                getattr(events, name).connect(getattr(lines, name))
    return partial(_end, logger)


def _end(logger: logging.Logger) -> None:
    with _lock:
        lines = _listening.pop(logger, None)
        for name in _SIGNALS if lines is not None else ():
            getattr(events, name).disconnect(getattr(lines, name))


class _Lines:
    """Has a method for each signal."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def state_changed(self, event: events.StateChanged) -> None:
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

    def would_have_opened(self, event: events.WouldHaveOpened) -> None:
        self._logger.warning(
            "circuit breaker %s is disabled and would have opened: %s",
            event.name,
            event.reason,
            extra={"service": event.name},
        )

    def recovery_finished(self, event: events.RecoveryFinished) -> None:
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
        by = f"recovered by {record.recovered_by}" if record.recovered_by else "not recovered"
        self._logger.info(
            "%s failed (%s) and was %s after %.3f s",
            record.operation,
            record.error_type,
            by,
            record.seconds,
            extra={"service": record.service},
        )

    def health_changed(self, event: events.HealthChanged) -> None:
        level = logging.INFO if event.after == "healthy" else logging.WARNING
        why = f": {event.message}" if event.message and event.after != "healthy" else ""
        message = "health of %s: %s -> %s%s"
        if event.before == "unknown" and event.after == "healthy":
            return  # the first look at what is well is a success, and no news
        self._logger.log(
            level, message, event.name, event.before, event.after, why, extra=_service(event)
        )

    def alert_changed(self, event: events.AlertChanged) -> None:
        level = {"resolved": logging.INFO}.get(event.state, logging.WARNING)
        if event.state == "firing" and event.severity == "critical":
            level = logging.ERROR
        word = "resolved" if event.state == "resolved" else event.severity
        self._logger.log(
            level, "alert %s (%s): %s", word, event.rule, event.message, extra=_service(event)
        )


def _service(event: events.HealthChanged | events.AlertChanged) -> dict[str, str]:
    return {"service": event.name}
