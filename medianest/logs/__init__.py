"""Logs: one line per event, as text for people or as JSON for machines."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from medianest.bridges.logs import log_events
from medianest.config import Secrets
from medianest.logs.calls import log_calls
from medianest.logs.outlet import Outlet
from medianest.logs.seldom import Seldom
from medianest.web.trace import route, trace_id

if TYPE_CHECKING:
    from medianest.config import Settings

__all__ = ["configure_logs"]

logger = logging.getLogger("medianest")
events = logging.getLogger("medianest.events")
"""What is always told, whatever the level is: changes of state, recoveries, alerts, operators."""

_of_clients = Seldom(5)
"""What clients make gunicorn say."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "trace_id", "route"}


def configure_logs(settings: Settings) -> None:
    """Log to standard error from now on, and what is always told in any case. Nobody who logs
    waits for whoever reads it."""
    handler, server = Outlet(sys.stderr), logging.getLogger("gunicorn.error")
    formatter = _JsonFormatter() if settings.log_json else _TextFormatter()
    handler.setFormatter(_WithoutSecrets(formatter, Secrets.of(settings)))
    handler.addFilter(_with_request)
    for each in (logger, server):
        for former in each.handlers:
            former.close()
        each.handlers = [handler]
        each.propagate = False
    server.addFilter(_of_clients)
    logging.lastResort = handler  # what other packages say
    logger.setLevel(settings.log_level)
    events.setLevel(logging.INFO)
    log_events(events)
    log_calls(settings.log_level == "DEBUG")


def _with_request(record: logging.LogRecord) -> bool:
    record.trace_id, record.route = trace_id(), route()
    return True


class _WithoutSecrets(logging.Formatter):
    """Around another one: what libraries and servers say goes into the log as well."""

    def __init__(self, formatter: logging.Formatter, secrets: Secrets) -> None:
        super().__init__()
        self._formatter, self._secrets = formatter, secrets

    def format(self, record: logging.LogRecord) -> str:
        return self._secrets.hidden(self._formatter.format(record))


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).strftime("%Y-%m-%d %H:%M:%S")
        line = f"{time} {record.levelname.lower():7} {_one_line(record.getMessage())}"
        if trace := getattr(record, "trace_id", None):
            line += f" [{trace}]"
        if left_out := getattr(record, "left_out", 0):
            line += f" ({left_out} more of the kind were left out)"
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
