"""gunicorn: synchronous workers with threads, and a sandbox for a first run."""

import os
import signal
import socket
import struct
import sys

from medianest import __version__
from medianest.config import Settings
from medianest.resilience import ConfigurationError
from medianest.sandbox.process import SandboxProcess
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


try:
    loaded = Settings.load()
    settings = ensure_operator_token(loaded)
except ConfigurationError as error:
    sys.exit(f"medianest: {error}")

wsgi_app = "wsgi:app"
host, port = os.environ.get("HOST") or "127.0.0.1", _number("PORT", "8000", 1, 65535)
bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
worker_class = "gthread"
workers = _number("WEB_CONCURRENCY", "1", 1, 128)
threads = settings.threads
timeout = int(settings.request_timeout) + 30  # for a worker that hangs as a whole
graceful_timeout = int(settings.request_timeout) + 5  # requests in flight end at their deadline
keepalive = 15
SILENCE = 5  # seconds that a client may say nothing in the middle of a request, or read nothing
loglevel = "warning"
control_socket_disable = True


def _refuse_taken_port():
    """In one line; gunicorn itself would try for five seconds and print eleven."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.exit(
                f"medianest: cannot listen on {bind}: {error.strerror}; PORT=… chooses another"
            )


def on_starting(server):
    """Before the workers: start the sandbox if there is nothing else to talk to."""
    _refuse_taken_port()
    server.sandbox = None  # kept there, as this file is read anew on SIGHUP
    if settings.sandbox and settings.env == "development" and settings.plex.url is None:
        if server.cfg.preload_app:
            sys.exit(
                "medianest: --preload builds the app before its sandbox: set MEDIANEST_PLEX_URL"
            )
        server.sandbox = SandboxProcess.start(kind="plex")
        os.environ["MEDIANEST_PLEX_URL"] = server.sandbox.url
        os.environ["MEDIANEST_PLEX_TOKEN"] = server.sandbox.token


def post_fork(server, worker):
    """Let no silent or unread connection keep a thread: accepted sockets inherit these bounds."""
    bound = struct.pack("ll", SILENCE, 0)
    for listener in worker.sockets:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, bound)
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, bound)


def when_ready(server):
    """Say where everything is."""
    print(f"MediaNest {__version__} ({settings.env}) on http://{bind}", flush=True)
    if workers > 1:
        print(f"  {workers} workers: each has circuit breakers of its own", flush=True)
    if settings.plex.url:
        print(f"  Plex at {settings.plex.url}", flush=True)
    elif server.sandbox is not None:
        print(f"  no MEDIANEST_PLEX_URL: using a sandbox Plex at {server.sandbox.url}", flush=True)
    else:
        print("  no Plex: set MEDIANEST_PLEX_URL and MEDIANEST_PLEX_TOKEN", flush=True)
    if loaded.operator_token is None and settings.operator_token is not None:
        token, path = settings.operator_token.get_secret_value(), settings.instance_path
        print(f"  operator token: {token} ({path}/operator.token)", flush=True)
    header = '-H "Authorization: Bearer $MEDIANEST_CLIENT_TOKEN" '
    if settings.env != "production":
        header = ""
    elif settings.client_token is None:
        print("  nobody can use the media API: set MEDIANEST_CLIENT_TOKEN", flush=True)
    print(f"  try: curl {header}http://{bind}/api/v1/media/libraries", flush=True)


def post_worker_init(worker):
    """From SIGTERM on, say that this worker is not ready for more."""
    lifecycle = worker.wsgi.extensions["medianest"].lifecycle
    stop = signal.getsignal(signal.SIGTERM)

    def drain(number, frame):
        lifecycle.draining = True
        stop(number, frame)

    signal.signal(signal.SIGTERM, drain)


def on_exit(server):
    """After the workers: end the sandbox."""
    if server.sandbox is not None:
        server.sandbox.stop()
