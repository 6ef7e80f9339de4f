"""gunicorn: synchronous workers with threads, and a sandbox for a first run."""

import errno
import logging
import os
import socket
import sys
from contextlib import suppress

from medianest import __version__
from medianest.config import Settings, missing
from medianest.logs import configure_logs
from medianest.monitoring.notifier import Notifier
from medianest.resilience import ConfigurationError
from medianest.sandbox.process import SandboxProcess
from medianest.server.arbiter import Improvements
from medianest.server.worker import Worker
from medianest.web.auth import ensure_operator_token


def _number(variable, default, least, most):
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


def _temporary_folder(*folders):
    """Where a worker's sign of life is kept, with a read-only root, too; in memory first, so that
    no slow disk makes one look dead."""
    for folder in folders:
        if os.access(folder, os.W_OK | os.X_OK):
            return str(folder)
    sys.exit(
        f"medianest: none of {', '.join(map(str, folders))} can be written: the workers need one "
        f"of them for a temporary file"
    )


SANDBOXES = {"plex": "TOKEN", "overseerr": "API_KEY"}
"""What can be played, and the setting for its secret."""

try:
    loaded = Settings.load()
    settings = ensure_operator_token(loaded)
    Notifier(settings.alerts.urls)  # here, and not in each worker, over and over
except ConfigurationError as error:
    sys.exit(f"medianest: {error}")

wsgi_app = "wsgi:app"
host, port = os.environ.get("HOST") or "127.0.0.1", _number("PORT", "8000", 1, 65535)
bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
worker_tmp_dir = _temporary_folder("/dev/shm", "/tmp", "/var/tmp", settings.instance_path)
worker_class = Worker
Worker.probes = (b"/api/v1/health/live", b"/api/v1/health/ready")
Worker.drain_delay, Worker.body_seconds = settings.drain_delay, settings.request_timeout
Worker.body_most = max(Worker.body_most, 2 * settings.max_body_bytes)
workers = _number("WEB_CONCURRENCY", "1", 1, 128)
threads = settings.threads
timeout = int(settings.request_timeout) + 30  # for a worker that hangs as a whole
graceful_timeout = int(settings.request_timeout) + 5  # requests in flight end at their deadline
keepalive = 15
worker_connections = 4000
loglevel = "warning"
logger_class = "medianest.logs.server.ServerLog"
configure_logs(settings)  # the master's own lines, too
forwarder_headers = ""  # SCRIPT_NAME is not for clients to say
secure_scheme_headers = {}  # medianest.web.proxies alone reads what proxies say
control_socket_disable = True


def _refuse_taken_port(address):
    """In one line; gunicorn itself would try for five seconds and print eleven."""
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            is_host = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
            sys.exit(
                f"medianest: cannot listen on {_shown(address)}: {error.strerror}; "
                f"{'HOST' if is_host else 'PORT'}=… chooses another"
            )


def _shown(address):
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def on_starting(server):
    """Before the workers: start the sandboxes if there is nothing else to talk to."""
    Improvements(server).install()
    inherited = "GUNICORN_PID" in os.environ or "LISTEN_FDS" in os.environ
    for address in server.cfg.address:
        if isinstance(address, tuple) and not inherited:
            _refuse_taken_port(address)
    server.sandboxes = []  # kept there, as this file is read anew on SIGHUP
    if settings.sandbox and settings.env == "development":
        wanted = [kind for kind in SANDBOXES if getattr(settings, kind).url is None]
        if wanted and server.cfg.preload_app:
            sys.exit(
                f"medianest: --preload builds the app before its sandbox: set "
                f"MEDIANEST_{wanted[0].upper()}_URL"
            )
        for kind in wanted:
            sandbox = SandboxProcess.start(kind=kind)
            server.sandboxes.append(sandbox)
            os.environ[f"MEDIANEST_{kind.upper()}_URL"] = sandbox.url
            os.environ[f"MEDIANEST_{kind.upper()}_{SANDBOXES[kind]}"] = sandbox.token


def pre_fork(server, worker):
    """Number the workers, each by the first number that is free."""
    taken = {getattr(other, "number", None) for other in server.WORKERS.values()}
    worker.number = next(number for number in range(len(taken) + 1) if number not in taken)


def _say(line):
    """Where nobody can hear it, on a full disk say, the server serves all the same."""
    if sys.stdout is not None:
        with suppress(OSError, ValueError):
            os.write(sys.stdout.fileno(), f"{line}\n".encode(errors="backslashreplace"))


def _warn_of_missing():
    """In production alone: elsewhere a sandbox may stand in."""
    if settings.env == "production":
        for line in missing(settings):
            logging.getLogger("medianest").warning(line)


def when_ready(server):
    """Say where everything is, and what is not."""
    _warn_of_missing()
    where = " and ".join(_shown(address) for address in server.cfg.address)
    _say(f"MediaNest {__version__} ({settings.env}) on {where}")
    if server.cfg.workers > 1:
        _say(f"  {server.cfg.workers} workers: each has circuit breakers of its own")
    played = {sandbox.kind: sandbox.url for sandbox in server.sandboxes}
    for kind, name in (("plex", "Plex"), ("overseerr", "Overseerr")):
        variable, url = f"MEDIANEST_{kind.upper()}_URL", getattr(settings, kind).url
        if url:
            _say(f"  {name} at {url}")
        elif kind in played:
            _say(f"  no {variable}: using a sandbox {name} at {played[kind]}")
        else:
            _say(f"  no {name}: set {variable}")
    if loaded.operator_token is None and settings.operator_token is not None:
        token, path = settings.operator_token.get_secret_value(), settings.instance_path
        _say(f"  operator token: {token} ({path}/operator.token)")
    header = '-H "Authorization: Bearer $MEDIANEST_CLIENT_TOKEN" '
    if settings.env != "production":
        header = ""
    elif settings.client_token is None:
        _say("  nobody can use the media API: set MEDIANEST_CLIENT_TOKEN")
    if isinstance(server.cfg.address[0], tuple):
        base = _shown(server.cfg.address[0])
        _say(f"  try: curl {header}{base}/api/v1/media/libraries")


def post_worker_init(worker):
    """Start what runs beside the requests; from SIGTERM on, take on nothing more."""
    lifecycle = worker.wsgi.extensions["medianest"].lifecycle
    background = worker.wsgi.extensions["medianest.worker"]
    if worker.cfg.workers > 1:
        lifecycle.worker = str(worker.number)
    background.start()

    def end(is_replaced):
        lifecycle.draining = not is_replaced
        background.stop_soon()

    worker.is_ready = lambda: lifecycle.schema_is_current
    worker.on_end = end


def worker_exit(server, worker):
    """After the last request: write what waits to be written."""
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.extensions["medianest.worker"].stop()


def on_exit(server):
    """After the workers: end the sandboxes."""
    for sandbox in server.sandboxes:
        sandbox.stop()
