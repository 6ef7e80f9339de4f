"""What being looked at costs: requests a second of a media endpoint under gunicorn, left alone and
scraped, in turn.

`python -m benchmarks.scrapes PORT` is the client, a process of its own.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from benchmarks.flask_view import HOST, free_port

__all__ = ["Scraped", "scraped"]

MEDIA = "/api/v1/media/libraries"
LOOKS = ("/metrics", "/api/v1/resilience/status", "/api/v1/health/comprehensive")
A_SECOND = 20
"""Looks a second, all three together."""

ROUNDS, SLICE, CONNECTIONS = 45, 1.0, 8
START_TIMEOUT = 30.0
OPERATOR = "benchmark-operator"


@dataclass
class Scraped:
    """Requests a second of each round, left alone and scraped."""

    alone: list[float] = field(default_factory=list)
    scraped: list[float] = field(default_factory=list)
    looks: int = 0
    slowest_look: float = 0.0

    @property
    def ratio(self) -> float:
        """Scraped to alone, by the median of all rounds."""
        pairs = zip(self.scraped, self.alone, strict=True)
        return statistics.median(scraped / alone for scraped, alone in pairs)


def scraped() -> Scraped:
    """Measure it, with a sandbox Plex behind the server."""
    from medianest.sandbox.process import SandboxProcess

    root = Path(__file__).resolve().parents[1]
    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxProcess.start(kind="plex", port=0) as plex,
    ):
        port = free_port()
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MEDIANEST_")}
        environment = {
            **clean,
            "PORT": str(port),
            "MEDIANEST_INSTANCE_PATH": folder,
            "MEDIANEST_OPERATOR_TOKEN": OPERATOR,
            "MEDIANEST_SANDBOX": "false",
            "MEDIANEST_LOG_LEVEL": "ERROR",
            "MEDIANEST_PLEX_URL": plex.url,
            "MEDIANEST_PLEX_TOKEN": plex.token,
            "PYTHONPATH": str(root),
        }
        command = [sys.executable, "-m", "gunicorn"]
        with subprocess.Popen(
            command, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as server:
            try:
                _wait_for(port)
                client = [sys.executable, "-m", __name__, str(port)]
                answer = subprocess.run(
                    client, env=environment, check=True, capture_output=True, cwd=root,
                    timeout=ROUNDS * SLICE * 2 + 60,
                )  # fmt: skip
            finally:
                server.terminate()
    return Scraped(**json.loads(answer.stdout))


def _wait_for(port: int) -> None:
    until = time.monotonic() + START_TIMEOUT
    while time.monotonic() < until:
        try:
            if _get(http.client.HTTPConnection(HOST, port, 5), "/api/v1/health/ready") == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise TimeoutError("the server did not become ready")


def _get(connection: http.client.HTTPConnection, path: str) -> int:
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    return response.status


def _client(port: int) -> None:
    connections = [http.client.HTTPConnection(HOST, port, 10) for _ in range(CONNECTIONS)]
    found = Scraped()
    _load(connections)
    for number in range(ROUNDS):
        for scraping in (False, True) if number % 2 else (True, False):
            if not scraping:
                found.alone.append(_load(connections))
                continue
            stop = threading.Event()
            scraper = threading.Thread(target=_scrape, args=(port, stop, found))
            scraper.start()
            found.scraped.append(_load(connections))
            stop.set()
            scraper.join()
    print(json.dumps(vars(found)))


def _scrape(port: int, stop: threading.Event, found: Scraped) -> None:
    connection, began = http.client.HTTPConnection(HOST, port, 10), time.perf_counter()
    for number, path in enumerate(cycle(LOOKS)):
        if stop.wait(max(0.0, began + number / A_SECOND - time.perf_counter())):
            return
        asked = time.perf_counter()
        if _get(connection, path) != 200:
            raise RuntimeError(f"{path} failed")
        found.slowest_look = max(found.slowest_look, time.perf_counter() - asked)
        found.looks += 1


def _load(connections: list[http.client.HTTPConnection]) -> float:
    started = time.perf_counter()
    done = [0] * len(connections)

    def work(place: int) -> None:
        while time.perf_counter() < started + SLICE:
            if _get(connections[place], MEDIA) != 200:
                raise RuntimeError(f"{MEDIA} failed")
            done[place] += 1

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(connections))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - started)


if __name__ == "__main__":
    _client(int(sys.argv[1]))
