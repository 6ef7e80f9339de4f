"""Logs: one line per event, as text for people or as JSON for machines."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from medianest.resilience.events import StateChanged, state_changed, would_have_opened
from medianest.web.trace import trace_id

if TYPE_CHECKING:
    from medianest.config import Settings
    from medianest.resilience.events import WouldHaveOpened

__all__ = ["configure_logs"]

logger = logging.getLogger("medianest")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "trace_id"}


def configure_logs(settings: Settings) -> None:
    """Log to standard error from now on, and what breakers do in any case."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if settings.log_json else _TextFormatter())
    handler.addFilter(_with_trace_id)
    for each in (logger, logging.getLogger("gunicorn.error")):
        each.handlers = [handler]
        each.propagate = False
    logger.setLevel(settings.log_level)
    state_changed.connect(_log_state_change)
    would_have_opened.connect(_log_would_have_opened)


def _with_trace_id(record: logging.LogRecord) -> bool:
    record.trace_id = trace_id()
    return True


def _log_state_change(event: StateChanged) -> None:
    logger.warning(
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
    logger.warning(
        "circuit breaker %s is disabled and would have opened: %s",
        event.name,
        event.reason,
        extra={"service": event.name},
    )


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
