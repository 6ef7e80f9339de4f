"""Logs: one line per event, as text for people or as JSON for machines."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from medianest.resilience.events import (
    AlertChanged,
    HealthChanged,
    RecoveryFinished,
    StateChanged,
    alert_changed,
    health_changed,
    recovery_finished,
    state_changed,
    would_have_opened,
)
from medianest.web.trace import route, trace_id

if TYPE_CHECKING:
    from medianest.config import Settings
    from medianest.resilience.events import WouldHaveOpened

__all__ = ["configure_logs"]

logger = logging.getLogger("medianest")
events = logging.getLogger("medianest.events")
"""What is always told, whatever the level is: changes of state, recoveries, alerts, operators."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "trace_id", "route"}


def configure_logs(settings: Settings) -> None:
    """Log to standard error from now on, and what is always told in any case."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if settings.log_json else _TextFormatter())
    handler.addFilter(_with_request)
    for each in (logger, logging.getLogger("gunicorn.error")):
        each.handlers = [handler]
        each.propagate = False
    logger.setLevel(settings.log_level)
    events.setLevel(logging.INFO)
    state_changed.connect(_log_state_change)
    would_have_opened.connect(_log_would_have_opened)
    recovery_finished.connect(_log_recovery)
    health_changed.connect(_log_health)
    alert_changed.connect(_log_alert)


def _with_request(record: logging.LogRecord) -> bool:
    record.trace_id, record.route = trace_id(), route()
    return True


def _log_state_change(event: StateChanged) -> None:
    events.warning(
        "circuit breaker %s: %s -> %s (%s)%s%s",
        event.name,
        event.before,
        event.after,
        event.trigger,
        f": {event.reason}" if event.reason else "",
        f", by {event.actor}" if event.actor else "",
        extra={"service": event.name},
    )


def _log_would_have_opened(event: WouldHaveOpened) -> None:
    events.warning(
        "circuit breaker %s is disabled and would have opened: %s",
        event.name,
        event.reason,
        extra={"service": event.name},
    )


def _log_recovery(event: RecoveryFinished) -> None:
    record = event.record
    if record.ended_at is not None and record.count > 1:
        events.info(
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
    events.info(
        "%s failed (%s) and was %s after %.3f s",
        record.operation,
        record.error_type,
        by,
        record.seconds,
        extra={"service": record.service},
    )


def _log_health(event: HealthChanged) -> None:
    level = logging.INFO if event.after == "healthy" else logging.WARNING
    why = f": {event.message}" if event.message and event.after != "healthy" else ""
    message = "health of %s: %s -> %s%s"
    if event.before == "unknown" and event.after == "healthy":
        return  # the first look at what is well is a success, and no news
    events.log(level, message, event.name, event.before, event.after, why, extra=_service(event))


def _log_alert(event: AlertChanged) -> None:
    level = {"resolved": logging.INFO}.get(event.state, logging.WARNING)
    if event.state == "firing" and event.severity == "critical":
        level = logging.ERROR
    word = "resolved" if event.state == "resolved" else event.severity
    events.log(level, "alert %s (%s): %s", word, event.rule, event.message, extra=_service(event))


def _service(event: HealthChanged | AlertChanged) -> dict[str, str]:
    return {"service": event.name}


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        line = f"{time} {record.levelname.lower():7} {_one_line(record.getMessage())}"
        if record.exc_info:
            lines = self.formatException(record.exc_info).splitlines()
            line += "".join(f"\n    {_one_line(part)}" for part in lines)
        return line


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
            "trace_id": getattr(record, "trace_id", None),
            "route": getattr(record, "route", None),
            **{key: value for key, value in vars(record).items() if key not in _STANDARD},
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps({k: v for k, v in entry.items() if v is not None}, default=str)


def _one_line(message: str) -> str:
    """What cannot be printed is escaped, so that nothing in a message looks like another line."""
    if message.isprintable():
        return message
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)
