"""What is done at the turns in the life of gunicorn's processes."""

from __future__ import annotations

import gc
import os
import secrets
import sys
from collections.abc import Callable
from typing import Any, Final

from medianest.config import Settings
from medianest.jobs import Lifecycle
from medianest.server import banner
from medianest.server.address import refuse_taken_port
from medianest.server.arbiter import Improvements
from medianest.server.worker import Worker

__all__ = ["HOOKS", "Start"]

_SANDBOXES: Final = {"plex": "TOKEN", "overseerr": "API_KEY"}
"""What can be played, and the setting for its secret."""

_SANDBOX_INTERVAL: Final = 0.5
"""Seconds between two checks while sandboxes are played."""


class Start:
    """The start of the master. `is_token_ours`: nobody has set an operator token, so there is one
    of this server's own, which is shown."""

    def __init__(self, settings: Settings, *, is_token_ours: bool) -> None:
        self._settings = settings
        self._is_token_ours = is_token_ours

    def hooks(self) -> dict[str, Callable[..., None]]:
        """Both by gunicorn's names."""
        return {"on_starting": self.on_starting, "when_ready": self.when_ready}

    def on_starting(self, server: Any) -> None:
        """Before the workers: start the sandboxes if there is nothing else to talk to."""
        if not issubclass(server.worker_class, Worker):
            sys.exit(
                f"medianest: worker_class: {server.cfg.worker_class_str!r} is not allowed: this "
                f"configuration is for its own worker only"
            )
        Improvements(server).install()
        Lifecycle.server = secrets.token_hex(8)
        inherited = "GUNICORN_PID" in os.environ or "LISTEN_FDS" in os.environ
        for address in server.cfg.address:
            if isinstance(address, tuple) and not inherited:
                refuse_taken_port(address)
        server.sandboxes = []  # kept there, as the configuration is read anew on SIGHUP
        settings = self._settings
        if settings.sandbox and settings.env == "development":
            _start_sandboxes(server, settings)

    def when_ready(self, server: Any) -> None:
        """Say where everything is."""
        banner.show(server, self._settings, self._is_token_ours)


def _start_sandboxes(server: Any, settings: Settings) -> None:
    wanted = [kind for kind in _SANDBOXES if getattr(settings, kind).url is None]
    if wanted and server.cfg.preload_app:
        sys.exit(
            f"medianest: --preload builds the app before its sandbox: set "
            f"MEDIANEST_{wanted[0].upper()}_URL"
        )
    if not wanted:
        return
    try:
        from medianest.sandbox.process import SandboxProcess
    except ModuleNotFoundError:  # the image has none
        variables = " and ".join(f"MEDIANEST_{kind.upper()}_URL" for kind in wanted)
        sys.exit(
            f"medianest: there is no sandbox here: set {variables}, or MEDIANEST_SANDBOX=false"
        )
    for kind in wanted:
        sandbox = SandboxProcess.start(kind=kind)
        server.sandboxes.append(sandbox)
        os.environ[f"MEDIANEST_{kind.upper()}_URL"] = sandbox.url
        os.environ[f"MEDIANEST_{kind.upper()}_{_SANDBOXES[kind]}"] = sandbox.token
    if wanted and "interval" not in settings.health.model_fields_set:
        # Who breaks a sandbox wants to see at once what becomes of it.
        os.environ["MEDIANEST_HEALTH_INTERVAL"] = str(_SANDBOX_INTERVAL)


def pre_fork(server: Any, worker: Any) -> None:
    """Number the workers, each by the first number that is free."""
    taken = {getattr(other, "number", None) for other in server.WORKERS.values()}
    worker.number = next(number for number in range(len(taken) + 1) if number not in taken)


def post_fork(server: Any, worker: Any) -> None:
    """Number the process: what its app tells while it is built has the number, too."""
    if worker.cfg.workers > 1:
        Lifecycle.number = str(worker.number)


def post_worker_init(worker: Any) -> None:
    """Start what runs beside the requests; from SIGTERM on, take on nothing more."""
    container = worker.wsgi.extensions["medianest"]
    lifecycle, migrator = container.lifecycle, container.storage.migrator
    lifecycle.worker = Lifecycle.number  # with --preload, the app is older than the process
    if not worker.wsgi.testing:
        worker.wsgi.extensions["medianest.background"].start()

    def end(is_replaced: bool) -> None:
        lifecycle.draining, lifecycle.is_replaced = not is_replaced, is_replaced
        lifecycle.is_ending = True

    worker.is_ready = lambda: migrator.is_current
    worker.at_end(end)


def worker_exit(server: Any, worker: Any) -> None:
    """After the last request: write what waits to be written."""
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.extensions["medianest.background"].stop()
    _leave_garbage()


def on_exit(server: Any) -> None:
    """After the workers: end the sandboxes."""
    for sandbox in server.sandboxes:
        sandbox.stop()
    _leave_garbage()


def _leave_garbage() -> None:
    """A process that ends looks for garbage several times, which takes a third of a second; it is
    all free a moment later."""
    gc.freeze()


HOOKS: Final[dict[str, Callable[..., None]]] = {
    "pre_fork": pre_fork,
    "post_fork": post_fork,
    "post_worker_init": post_worker_init,
    "worker_exit": worker_exit,
    "on_exit": on_exit,
}
"""Those that are the same for all settings, by gunicorn's names."""
