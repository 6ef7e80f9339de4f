"""How soon an operator is obeyed by all workers of a server, by real requests under gunicorn."""

from __future__ import annotations

import http.client
import json
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

from benchmarks.media_server import OPERATOR, connect, media_server

__all__ = ["Obeyed", "obeyed", "print_obeyed"]

WORKERS, TIMES = 4, 200
BREAKER = "/api/v1/resilience/circuit-breakers/plex-media-server"
MET_WITHIN = 10.0


@dataclass
class Obeyed:
    """Seconds until the answer to each action, which comes when all have said that they obey; and
    how often some had not. The writing to disk and to the database is in it."""

    seconds: list[float] = field(default_factory=list)
    incomplete: int = 0

    @property
    def median(self) -> float:
        """Of all actions."""
        return statistics.median(self.seconds)

    @property
    def p99(self) -> float:
        """Of all actions."""
        return statistics.quantiles(self.seconds, n=100)[98]


def obeyed() -> Obeyed:
    """Measure it: `open` and `enable` in turn."""
    found = Obeyed()
    with media_server(WORKERS) as server:
        connection = connect(server.port)
        _wait_for_workers(connection)
        for _ in range(TIMES):
            for action in ("open", "enable"):
                began = time.perf_counter()
                applied = _act(connection, action)
                found.seconds.append(time.perf_counter() - began)
                found.incomplete += applied["workers"] < WORKERS
    return found


def print_obeyed(found: Obeyed) -> None:
    """What was measured, as a table."""
    print(f"\n{f'obeyed by {WORKERS} workers, ms':34}{'median':>10}{'p99':>10}")
    print(f"{'open and enable':34}{1000 * found.median:>10.1f}{1000 * found.p99:>10.1f}")
    print(f"{found.incomplete} of {len(found.seconds)} were answered before all had obeyed")


def _act(connection: http.client.HTTPConnection, action: str) -> Any:
    headers = {"Authorization": f"Bearer {OPERATOR}", "Content-Type": "application/json"}
    connection.request("POST", f"{BREAKER}/action", json.dumps({"action": action}), headers)
    return json.loads(connection.getresponse().read())["kept"]["applied"]


def _wait_for_workers(connection: http.client.HTTPConnection) -> None:
    until = time.monotonic() + MET_WITHIN
    while _act(connection, "reset")["of"] < WORKERS:
        if time.monotonic() > until:
            raise TimeoutError("the workers have not met")
        time.sleep(0.1)
