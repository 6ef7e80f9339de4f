"""A server and what it stands in front of, for all tests of this folder."""

import json
from pathlib import Path
from typing import Any

from medianest.sandbox.process import SandboxProcess
from tests.support.server import QUICK, Server


class House:
    """A server and what it stands in front of."""

    def __init__(self, plex: SandboxProcess, overseerr: SandboxProcess, folder: Path) -> None:
        self.plex, self.overseerr = plex, overseerr
        self.server = Server(
            folder,
            MEDIANEST_PLEX_URL=plex.url, MEDIANEST_PLEX_TOKEN=plex.token,
            MEDIANEST_OVERSEERR_URL=overseerr.url, MEDIANEST_OVERSEERR_API_KEY=overseerr.token,
            MEDIANEST_HEALTH_INTERVAL=1, MEDIANEST_QUEUE_INTERVAL=0.2, MEDIANEST_OPERATOR_TOKEN="",
            **QUICK,
        )  # fmt: skip

    def ask(self, path: str, **body: Any) -> dict[str, Any]:
        """What the API answers: to a POST, where it has a body."""
        token = (self.server.directory / "operator.token").read_text().strip()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        data = json.dumps(body).encode() if body else None
        return self.server.get(f"/api/v1/{path}", data=data, headers=headers).json

    def act(self, action: str, name: str, reason: str | None = None) -> None:
        """Do something to a circuit breaker."""
        path = f"resilience/circuit-breakers/{name}/action"
        assert self.ask(path, action=action, reason=reason)["kept"]["file"]

    def register(self, name: str) -> None:
        """Watch one more dependency."""
        self.ask("resilience/dependencies", name=name, type="queue", criticality="optional")
