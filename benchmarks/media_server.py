"""MediaNest under gunicorn before sandboxes of Plex and Overseerr, and the load on its media
endpoint."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.flask_view import HOST, free_port

__all__ = ["SLICE", "Load", "MediaServer", "connect", "get", "media_server"]

MEDIA = "/api/v1/media/libraries"
SLICE, CONNECTIONS = 1.0, 8
START_TIMEOUT, CLIENT_TIMEOUT = 30.0, 300.0
OPERATOR = "benchmark-operator"
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class MediaServer:
    """One that runs."""

    port: int
    pid: int
    environment: dict[str, str]

    def answer_of(self, client: str) -> Any:
        """What a module of these benchmarks prints as JSON, as the client in a process of its
        own."""
        command = [sys.executable, "-m", client, str(self.port), str(self.pid)]
        answer = subprocess.run(
            command, env=self.environment, check=True, capture_output=True, cwd=ROOT,
            timeout=CLIENT_TIMEOUT,
        )  # fmt: skip
        return json.loads(answer.stdout)


@contextmanager
def media_server(workers: int = 1) -> Iterator[MediaServer]:
    """It, with so many workers, until the end of the block."""
    from medianest.sandbox.process import SandboxProcess

    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxProcess.start(kind="plex", port=0) as plex,
        SandboxProcess.start(kind="overseerr", port=0) as overseerr,
    ):
        port = free_port()
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MEDIANEST_")}
        environment = {
            **clean,
            "PORT": str(port),
            "WEB_CONCURRENCY": str(workers),
            "MEDIANEST_ENV": "development",
            "MEDIANEST_INSTANCE_PATH": folder,
            "MEDIANEST_OPERATOR_TOKEN": OPERATOR,
            "MEDIANEST_SANDBOX": "false",
            "MEDIANEST_LOG_LEVEL": "ERROR",
            "MEDIANEST_PLEX_URL": plex.url,
            "MEDIANEST_PLEX_TOKEN": plex.token,
            "MEDIANEST_OVERSEERR_URL": overseerr.url,
            "MEDIANEST_OVERSEERR_API_KEY": overseerr.token,
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", "gunicorn"]
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as server:
            try:
                _wait_for(port)
                yield MediaServer(port, server.pid, environment)
            finally:
                server.terminate()


class Load:
    """Clients of the media endpoint, which ask as fast as they are answered."""

    def __init__(self, port: int) -> None:
        self._connections = [connect(port) for _ in range(CONNECTIONS)]
        self.measure()  # what is done once is done

    def measure(self) -> float:
        """Requests a second, over a slice."""
        started, done = time.perf_counter(), [0] * CONNECTIONS

        def work(place: int) -> None:
            while time.perf_counter() < started + SLICE:
                if get(self._connections[place], MEDIA) != 200:
                    raise RuntimeError(f"{MEDIA} failed")
                done[place] += 1

        threads = [threading.Thread(target=work, args=(place,)) for place in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(done) / (time.perf_counter() - started)


def connect(port: int) -> http.client.HTTPConnection:
    """A connection that is kept."""
    return http.client.HTTPConnection(HOST, port, 10)


def get(connection: http.client.HTTPConnection, path: str) -> int:
    """The status of an answer that was read."""
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    return response.status


def _wait_for(port: int) -> None:
    until = time.monotonic() + START_TIMEOUT
    while time.monotonic() < until:
        try:
            if get(connect(port), "/api/v1/health/ready") == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise TimeoutError("the server did not become ready")
