"""A server that may have made what it did not answer to."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from medianest.queue.errors import PayloadError
from medianest.queue.runner import Handler, QueueRunner
from medianest.resilience.cascade import CascadeMonitor


class Server:
    """Loses the answers of what it does while `loses`, and cannot be looked at while `away`."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.looks, self.loses, self.away = 0, True, False
        self.keeps = True

    def execute(self, payload: Mapping[str, Any]) -> str:
        if self.keeps:
            self.made.append(payload["n"])
        if self.loses:
            raise ConnectionError("no answer")
        return "made"

    def look(self, payload: Mapping[str, Any], since: datetime) -> str | None:
        self.looks += 1
        if self.away:
            raise ConnectionError("away")
        if payload.get("odd"):
            raise PayloadError("odd")
        return "found" if payload["n"] in self.made else None


def process(runner: QueueRunner, server: Server) -> QueueRunner:
    """Another process on the same queue."""
    registry = runner.registry
    careful = QueueRunner(
        runner.queue, registry, runner.settings, CascadeMonitor(registry), random=lambda: 1.0
    )
    careful.register(
        Handler(
            name="h",
            service="svc",
            execute=server.execute,
            look=server.look,
            outages=(ConnectionError,),
            uncertain=lambda error: True,
        )
    )
    return careful


class Dated(Server):
    """Remembers since when it was to look."""

    def look(self, payload: Mapping[str, Any], since: datetime) -> str | None:
        self.since = since
        return super().look(payload, since)
