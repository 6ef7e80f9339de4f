"""What a guard costs a Flask view: requests per second of a trivial view, bare and guarded.

Measured by calling the app, and as gunicorn serves it to a client in another process:
`python -m benchmarks.flask_view PORT` is that client.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask

__all__ = ["HOST", "Served", "free_port", "make_app", "serve"]

BARE, GUARDED = "/bare", "/guarded"
HOST = "127.0.0.1"

DIRECT_ROUNDS, DIRECT_SLICE = 60, 0.03
SERVED_ROUNDS, SERVED_SLICE = 30, 0.4
CONNECTIONS = 8
START_TIMEOUT = 15.0

IN_PROCESS = "WSGI call alone"


@dataclass
class Served:
    """Requests per second by URL, one value for each round; or why there are none."""

    how: str
    rates: dict[str, list[float]] = field(default_factory=dict)
    why: str = ""

    @property
    def is_served(self) -> bool:
        """Whether requests came over a socket."""
        return self.how != IN_PROCESS

    @property
    def bare(self) -> float:
        """Without a guard."""
        return statistics.median(self.rates[BARE])

    @property
    def guarded(self) -> float:
        """With it."""
        return statistics.median(self.rates[GUARDED])

    @property
    def ratio(self) -> float | None:
        """Guarded to bare, by the median of all rounds."""
        if not self.rates:
            return None
        pairs = zip(self.rates[GUARDED], self.rates[BARE], strict=True)
        return statistics.median(guarded / bare for guarded, bare in pairs)


def make_app() -> Flask:
    """Two equal views; one of them is guarded."""
    from medianest.flask import Resilience

    app = Flask(__name__)
    resilience = Resilience(app)
    resilience.guard(
        GUARDED,
        service="guarded",
        retry=3,
        fallback=lambda error: ("fallback", 200),
        authorize=lambda: True,
        max_concurrent=20,
    )

    @app.get(BARE)
    def bare() -> str:
        return "ok"

    @app.get(GUARDED)
    def guarded() -> str:
        return "ok"

    return app


def serve() -> list[Served]:
    """Measure both ways."""
    return [_attempt(IN_PROCESS, _direct), _attempt("gunicorn, 8 threads", _gunicorn)]


def _attempt(how: str, measured: Any) -> Served:
    try:
        return Served(how, measured())
    except ImportError:
        return Served(how, why="not built")
    except Exception as error:
        return Served(how, why=f"failed: {type(error).__name__}")


def _direct() -> dict[str, list[float]]:
    app = make_app()
    environs = {url: _environ(app, url) for url in (BARE, GUARDED)}
    rates: dict[str, list[float]] = {BARE: [], GUARDED: []}
    for environ in environs.values():
        _call(app, environ)
    for number in range(DIRECT_ROUNDS):
        for url in _order(number):
            rates[url].append(_calls_per_second(app, environs[url]))
    return rates


def _environ(app: Flask, url: str) -> dict[str, Any]:
    with app.test_request_context(url) as context:
        return dict(context.request.environ)


def _calls_per_second(app: Flask, environ: dict[str, Any]) -> float:
    calls = 0
    gc.disable()
    started = now = time.perf_counter()
    while now < started + DIRECT_SLICE:
        for _ in range(10):
            _call(app, environ)
        calls += 10
        now = time.perf_counter()
    gc.enable()
    return calls / (now - started)


def _call(app: Flask, environ: dict[str, Any]) -> None:
    statuses: list[str] = []

    def start_response(status: str, headers: Any, error: Any = None) -> Callable[[bytes], object]:
        statuses.append(status)
        return statuses.append  # type: ignore[return-value]

    body: Any = app(environ.copy(), start_response)
    if b"".join(body) != b"ok" or statuses != ["200 OK"]:
        raise RuntimeError(f"the view answered {statuses}")
    body.close()


def _order(number: int) -> Iterable[str]:
    return (BARE, GUARDED) if number % 2 else (GUARDED, BARE)


def _gunicorn() -> dict[str, list[float]]:
    make_app()  # an ImportError belongs here, not in the server's log
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        server = subprocess.Popen(_server_command(port), cwd=folder, env=_environment())
        try:
            _wait_for(port)
            client = [sys.executable, "-m", __name__, str(port)]
            timeout = SERVED_ROUNDS * SERVED_SLICE * 2 + 30
            answer = subprocess.run(
                client, env=_environment(), check=True, capture_output=True, timeout=timeout
            )
        finally:
            server.terminate()
            server.wait(10)
    rates: dict[str, list[float]] = json.loads(answer.stdout)
    return rates


def _server_command(port: int) -> list[str]:
    # Started in an empty folder, so that no configuration file is found.
    options = ["--worker-class=gthread", "--workers=1", "--threads=8", "--log-level=error"]
    bind = [f"--bind={HOST}:{port}", "--keep-alive=30"]
    return [sys.executable, "-m", "gunicorn", *options, *bind, f"{__name__}:make_app()"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            socket.create_connection((HOST, port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _client(port: int) -> None:
    connections = [socket.create_connection((HOST, port), 10) for _ in range(CONNECTIONS)]
    rates: dict[str, list[float]] = {BARE: [], GUARDED: []}
    for url in (BARE, GUARDED):
        _load(connections, url)
    for number in range(SERVED_ROUNDS):
        for url in _order(number):
            rates[url].append(_load(connections, url))
    print(json.dumps(rates))


def _load(connections: list[socket.socket], url: str) -> float:
    started = time.perf_counter()
    done = [0] * len(connections)

    def work(place: int) -> None:
        while not done[place] or time.perf_counter() < started + SERVED_SLICE:
            _ask(connections[place], url)
            done[place] += 1

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(connections))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - started)


def _ask(connection: socket.socket, url: str) -> None:
    connection.sendall(f"GET {url} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\nok"):
        received = connection.recv(4096)
        if not received:
            raise ConnectionError("the server closed the connection")
        answer += received
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"the server answered {answer[:40]!r}")


if __name__ == "__main__":
    _client(int(sys.argv[1]))
