"""A house at night: Plex is away, its alert fires, and operations wait or are dead."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from medianest.sandbox import SandboxProcess
from tests.support.server import OPERATOR, Server
from tests.support.waiting import wait_until

__all__ = ["ALERT", "VIEWER", "Home", "home_in"]

VIEWER = "the-viewer-token"
ALERT = "dependency-down:plex-media-server"
API = "/api/v1/resilience"

_UNKNOWN = count(9_000_001)
"""Films that the sandbox Overseerr does not know."""


class Home:
    """A server, and what others than the browser do with it meanwhile."""

    def __init__(self, server: Server, overseerr: SandboxProcess) -> None:
        self.server, self.overseerr, self.url = server, overseerr, server.url
        self.last = ""

    def get(self, path: str) -> dict[str, Any]:
        """What the API knows."""
        return self.server.get(API + path).json

    def send(self, path: str, method: str = "POST", **members: Any) -> dict[str, Any]:
        """As another operator does, by the API."""
        headers = {"Authorization": f"Bearer {OPERATOR}", "Content-Type": "application/json"}
        url, body = self.url + API + path, json.dumps(members).encode()
        asked = urllib.request.Request(url, body, headers, method=method)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            found: dict[str, Any] = json.loads(answer.read() or b"{}")
        return found

    def act(self, action: str, name: str = "overseerr", **members: Any) -> None:
        """On a circuit breaker."""
        answer = self.server.act(action, name, **members)
        assert answer.status < 300, answer.body

    def breaker(self) -> str:
        """The state of Overseerr's."""
        return str(self.server.breaker("overseerr")["state"])

    def request_film(self) -> str:
        """One that nobody knows, while Overseerr cannot say so: it waits. Its id in the queue."""
        body = json.dumps({"media_type": "movie", "media_id": next(_UNKNOWN)}).encode()
        headers = {"Content-Type": "application/json"}
        answer = self.server.get("/api/v1/media/requests", data=body, headers=headers)
        assert answer.status == 202, answer.body
        return str(answer.json["id"])

    def leave_dead_letter(self) -> str:
        """The id of a request that Overseerr refuses for good, once it can look."""
        self.act("reset")
        self.last = self.request_film()
        self.overseerr.clear_faults()
        wait_until(lambda: self.state_of_last() == "dead")
        self.overseerr.fault("source")
        wait_until(lambda: self.get("/queue")["queue"]["dead"])  # they are counted now and then
        return self.last

    def state_of_last(self) -> str | None:
        """Of the letter that was left last; None: it is not there any more."""
        return self.get(f"/queue/{self.last}").get("state")

    def silences(self) -> list[str]:
        """The keys of what is silenced."""
        return [each["key"] for each in self.get("/silences")["silences"]]

    def names(self) -> list[str]:
        """Of the dependencies."""
        return [each["name"] for each in self.get("/dependencies")["dependencies"]]

    def watch(self, name: str) -> None:
        """Register a dependency."""
        self.send("/dependencies", name=name, type="internal-service", criticality="optional")

    def forget(self, name: str) -> None:
        """Remove it, if it is there."""
        if name in self.names():
            self.send(f"/dependencies/{name}", "DELETE")

    def reasons(self) -> list[str]:
        """Of all that operators did, the newest first."""
        return [each["reason"] for each in self.get("/audit")["items"]]


@contextmanager
def home_in(folder: Path) -> Iterator[Home]:
    """One whose Overseerr cannot look up titles."""
    with SandboxProcess.start(kind="overseerr", port=0) as overseerr:
        server = Server(
            folder,
            MEDIANEST_ENV="development",
            MEDIANEST_VIEWER_TOKEN=VIEWER,
            MEDIANEST_HEALTH_INTERVAL=0.5,
            MEDIANEST_HEALTH_ALLOWED_NETWORKS="127.0.0.0/8",
            MEDIANEST_QUEUE_INTERVAL=0.1,
            MEDIANEST_QUEUE_INITIAL_DELAY=0.1,
            MEDIANEST_PLEX_URL="http://127.0.0.1:1",
            MEDIANEST_PLEX_TOKEN="the-plex-token",
            MEDIANEST_PLEX_INITIAL_DELAY=0.01,
            MEDIANEST_OVERSEERR_URL=overseerr.url,
            MEDIANEST_OVERSEERR_API_KEY=overseerr.token,
        ).wait_until()
        overseerr.fault("source")
        made = Home(server, overseerr)
        try:
            wait_until(lambda: made.get("/alerts")["firing"])
            yield made
        finally:
            server.stop()
