"""gunicorn's settings, made of ours: synchronous workers with threads."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from medianest.config import Settings
from medianest.logs import configure_logs
from medianest.monitoring.notifier import Notifier
from medianest.resilience import ConfigurationError
from medianest.server import hooks
from medianest.server.worker import Worker
from medianest.web.auth import ensure_operator_token

__all__ = ["configuration"]


def configuration() -> dict[str, Any]:
    """gunicorn's settings and hooks by their names, from the settings as they are now. Ends the
    process with one line when one of them is wrong."""
    try:
        loaded = Settings.load()
        settings = ensure_operator_token(loaded)
        Notifier(settings.alerts.urls)  # here, and not in each worker, over and over
    except ConfigurationError as error:
        sys.exit(f"medianest: {error}")
    found = _processes(settings) | _connections(settings) | _logs(settings)
    start = hooks.Start(settings, is_token_ours=loaded.operator_token is None)
    return found | start.hooks() | hooks.HOOKS


def _processes(settings: Settings) -> dict[str, Any]:
    folders = (Path("/dev/shm"), Path("/tmp"), Path("/var/tmp"), settings.instance_path)
    return {
        "wsgi_app": "medianest.wsgi:app",
        "worker_class": _worker(settings),
        "workers": _number("WEB_CONCURRENCY", "1", 1, 128),
        "threads": settings.threads,
        "worker_tmp_dir": _temporary_folder(folders),
        "timeout": int(settings.request_timeout) + 30,  # for a worker that hangs as a whole
        # Requests in flight end at their deadline.
        "graceful_timeout": int(settings.request_timeout) + 5,
        "control_socket_disable": True,
    }


def _connections(settings: Settings) -> dict[str, Any]:
    host, port = os.environ.get("HOST") or "127.0.0.1", _number("PORT", "8000", 1, 65535)
    return {
        "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "keepalive": 15,
        "worker_connections": 4000,
        "forwarder_headers": "",  # SCRIPT_NAME is not for clients to say
        "secure_scheme_headers": {},  # medianest.web.proxies alone reads what proxies say
    }


def _logs(settings: Settings) -> dict[str, Any]:
    configure_logs(settings)  # the master's own lines, too
    return {"loglevel": "warning", "logger_class": "medianest.logs.server.ServerLog"}


def _worker(settings: Settings) -> type[Worker]:
    Worker.probes = (b"/api/v1/health/live", b"/api/v1/health/ready")
    Worker.drain_delay, Worker.body_seconds = settings.drain_delay, settings.request_timeout
    Worker.body_most = max(Worker.body_most, 2 * settings.max_body_bytes)
    return Worker


def _number(variable: str, default: str, least: int, most: int) -> int:
    value = os.environ.get(variable) or default
    try:
        number = int(value)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        sys.exit(
            f"medianest: {variable}: {value!r} is not allowed: "
            f"must be a whole number from {least} to {most}"
        )
    return number


def _temporary_folder(folders: tuple[Path, ...]) -> str:
    """Where a worker's sign of life is kept, with a read-only root, too; in memory first, so that
    no slow disk makes one look dead."""
    for folder in folders:
        if os.access(folder, os.W_OK | os.X_OK):
            return str(folder)
    sys.exit(
        f"medianest: none of {', '.join(map(str, folders))} can be written: the workers need one "
        f"of them for a temporary file"
    )


if __name__ == "__config__":  # the name by which gunicorn runs the file that `--config` names
    globals().update(configuration())
