"""The app between two servers that answer what they are told."""

import json
from pathlib import Path
from typing import Any, NoReturn

from werkzeug.test import TestResponse

from medianest.app import create_app
from medianest.resilience import CircuitBreaker, ManualClock, State
from tests.support.answering import AnsweringServer

NAMES = {"plex": "plex-media-server", "overseerr": "overseerr"}

MISSING, HUGE, DEEP = object(), "a number of 5,000 digits", "3,000 lists in each other"


PLEX = {
    "/library/sections": ("libraries", "libraries"),
    "/library/sections/2/all": ("libraries/2/items", "items"),
    "/library/recentlyAdded": ("recently-added", "items"),
    "/status/sessions": ("sessions", "sessions"),
    "/hubs/search?query=the&limit=9": ("search?query=the", "results"),
}


class House:
    """The app between two servers that answer what they are told; one failure opens a breaker."""

    def __init__(self, folder: Path) -> None:
        self.servers = {"plex": AnsweringServer(), "overseerr": AnsweringServer()}
        strict = {"breaker_enabled": True, "failure_threshold": 1, "max_attempts": 3, "timeout": 30}
        values = {"env": "testing", "instance_path": folder, "client_token": "the-client-token"}
        upstreams = {name: {"url": s.url, **strict} for name, s in self.servers.items()}
        app = create_app({**values, **upstreams}, clock=ManualClock())
        self._parts = app.extensions["medianest"]
        self.registry = self._parts.registry
        self._client = app.test_client()

    def answers(
        self, service: str, question: str, document: dict[str, Any]
    ) -> tuple[TestResponse, int]:
        """What the app answers when the service says this, and how often it was asked."""
        server = self.servers[service]
        text = json.dumps(document).replace(json.dumps(HUGE), "9" * 5000)
        text = text.replace(json.dumps(DEEP), "[" * 3000 + "]" * 3000)
        server.body, asked = text.encode(), server.asked
        answer = self._client.get(
            f"/api/v1/media/{question}", headers={"Authorization": "Bearer the-client-token"}
        )
        return answer, server.asked - asked

    def breakers(self, service: str) -> list[CircuitBreaker]:
        """That of the server, and those of its operations."""
        return [b for b in self.registry.breakers() if b.name.partition(".")[0] == NAMES[service]]

    def state(self, service: str) -> State:
        """Closed only while all of them are."""
        states = {breaker.state for breaker in self.breakers(service)}
        return State.CLOSED if states == {State.CLOSED} else State.OPEN

    def reset(self, service: str) -> None:
        for breaker in self.breakers(service):
            breaker.reset()

    def stop(self) -> None:
        for server in self.servers.values():
            server.stop()
        self._parts.storage.database.close()


def strict(text: str) -> dict[str, Any]:
    def refuse(name: Any) -> NoReturn:
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)
