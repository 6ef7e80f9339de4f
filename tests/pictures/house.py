"""The house in the pictures: a server, what it needs, and people who ask it for things."""

from __future__ import annotations

import json
import math
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from medianest.sandbox import SandboxProcess
from tests.support.server import OPERATOR, Server
from tests.support.waiting import wait_until

__all__ = ["House", "house"]

_ASKED: Final = (
    "/api/v1/media/libraries", "/api/v1/media/libraries", "/api/v1/media/sessions",
    "/api/v1/media/recently-added", "/api/v1/media/search?query=the",
)  # fmt: skip
_UNKNOWN: Final = 9_000_001
"""A film that the sandbox Overseerr does not know."""


class House:
    """A server with what it needs."""

    def __init__(self, server: Server, plex: SandboxProcess, overseerr: SandboxProcess) -> None:
        self.server, self.plex, self.overseerr = server, plex, overseerr

    def post(self, path: str, as_operator: bool = False, **members: Any) -> None:
        """Send that, and expect a success."""
        headers = {"Content-Type": "application/json"}
        if as_operator:
            headers["Authorization"] = f"Bearer {OPERATOR}"
        answer = self.server.get(path, data=json.dumps(members).encode(), headers=headers)
        assert answer.status < 300, answer.body

    def request_film(self, number: int) -> None:
        """As somebody on the sofa does."""
        self.post("/api/v1/media/requests", media_type="movie", media_id=number)

    def leave_a_dead_letter(self) -> None:
        """Request what cannot be had, while Overseerr cannot say so."""
        self.overseerr.fault("source")
        self.request_film(_UNKNOWN)
        self.overseerr.clear_faults()
        self.wait_for_queue("dead", 1)

    def wait_for_queue(self, state: str, number: int) -> None:
        """Until that many are so."""
        path = "/api/v1/resilience/queue"
        wait_until(lambda: self.server.get(path).json["queue"][state] == number, 90)

    def wait_for_breakers(self, is_closed: bool) -> None:
        """Until those of Plex are all closed, or one is not."""
        path = "/api/v1/resilience/circuit-breakers"

        def all_closed() -> bool:
            found = self.server.get(path).json["circuit_breakers"]
            return all(each["state"] == "closed" for each in found if "plex" in each["name"])

        wait_until(lambda: all_closed() is is_closed, 90)

    def wait_for_alerts(self) -> None:
        """Until none fires."""
        path = "/api/v1/resilience/alerts"
        wait_until(lambda: not self.server.get(path).json["firing"], 180)

    def watch(self, name: str, url: str, **members: Any) -> None:
        """Register a service."""
        members = {"type": "internal-service", "criticality": "optional", **members}
        path = "/api/v1/resilience/dependencies"
        self.post(path, as_operator=True, name=name, health_check_url=url, **members)


@contextmanager
def house(folder: Path) -> Iterator[House]:
    """One in which people ask for things, until the block ends."""
    with (
        SandboxProcess.start(kind="plex") as plex,
        SandboxProcess.start(kind="overseerr") as overseerr,
        _nas() as nas,
    ):
        server = Server(
            folder,
            MEDIANEST_ENV="development",
            MEDIANEST_HEALTH_INTERVAL=0.5,
            MEDIANEST_HEALTH_ALLOWED_NETWORKS="127.0.0.0/8",
            MEDIANEST_PLEX_URL=plex.url,
            MEDIANEST_PLEX_TOKEN=plex.token,
            MEDIANEST_OVERSEERR_URL=overseerr.url,
            MEDIANEST_OVERSEERR_API_KEY=overseerr.token,
        ).wait_until()
        made = House(server, plex, overseerr)
        made.watch("nas", nas)
        made.watch("photos", nas, depends_on=["nas"])
        ended = threading.Event()
        people = threading.Thread(target=_ask, args=(server, ended))
        people.start()
        try:
            yield made
        finally:
            ended.set()
            people.join()
            server.stop()


def _ask(server: Server, ended: threading.Event) -> None:
    """More and less, as people do."""
    rounds, wait = 0, 0.1
    while not ended.wait(wait):
        server.get(random.choice(_ASKED))
        rounds += 1
        wait = 0.12 + 0.08 * math.sin(rounds / 25) + random.random() * 0.08


@contextmanager
def _nas() -> Iterator[str]:
    """A service that is well, by its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Well) as server:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class _Well(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass
