"""The app as it runs: real gunicorn, real sockets, a sandbox Plex."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

import pytest

from medianest.sandbox.process import SandboxProcess
from tests.support.ports import free_port
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
OPERATOR = "the-operator-token"
QUICK: dict[str, Any] = {
    "MEDIANEST_PLEX_TIMEOUT": 1.0,
    "MEDIANEST_PLEX_RESET_TIMEOUT": 0.5,
    "MEDIANEST_PLEX_INITIAL_DELAY": 0.01,
    "MEDIANEST_REQUEST_TIMEOUT": 1.5,
}


class Answer:
    """An HTTP answer and how long it took, in seconds."""

    def __init__(self, status: int, headers: HTTPMessage, body: bytes, took: float) -> None:
        self.status, self.headers, self.body, self.took = status, headers, body, took

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)


class Server:
    """gunicorn with the app, on a free port."""

    def __init__(self, directory: Path, arguments: Sequence[str] = (), **variables: Any) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MEDIANEST_")}
        self.directory, self._arguments = directory, arguments
        self._environment = {
            **clean,
            "PORT": str(self.port),
            "MEDIANEST_INSTANCE_PATH": str(directory),
            "MEDIANEST_OPERATOR_TOKEN": OPERATOR,
            "MEDIANEST_SANDBOX": "false",
            "MEDIANEST_DRAIN_DELAY": "0",
            **{k: str(v) for k, v in variables.items()},
        }
        self.reopen()

    def reopen(self) -> None:
        """Start it, with its log open; also after it was stopped."""
        self._log = (self.directory / "log").open("a+")
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *self._arguments],
            cwd=ROOT,
            env=self._environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def kill(self) -> None:
        """As a power cut would: the master and all workers, at this instant."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def wait_until(self, what: str = "ready") -> Server:
        wait_until(lambda: self._is(what), 30, told=lambda: f"not {what}:\n{self.log}")
        return self

    def _is(self, what: str) -> bool:
        assert self.process.poll() is None, self.log
        try:
            return self.get(f"/api/v1/health/{what}").status == 200
        except OSError:
            return False

    def get(
        self,
        path: str,
        *,
        timeout: int = 30,
        headers: Any = None,
        data: bytes | None = None,
    ) -> Answer:
        request = urllib.request.Request(self.url + path, data=data, headers=headers or {})
        began = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                status, headers, body = response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            with error:
                status, headers, body = error.code, error.headers, error.read()
        return Answer(status, headers, body, time.monotonic() - began)

    def act(self, action: str, name: str = "plex", **members: Any) -> Answer:
        return self.get(
            f"/api/v1/resilience/circuit-breakers/{name}/action",
            data=json.dumps({"action": action, **members}).encode(),
            headers={"Authorization": f"Bearer {OPERATOR}", "Content-Type": "application/json"},
        )

    def breaker(self, name: str = "plex") -> dict[str, Any]:
        return self.get(f"/api/v1/resilience/circuit-breakers/{name}").json

    @property
    def log(self) -> str:
        self._log.flush()
        self._log.seek(0)
        return self._log.read()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.leave(number)
        return self.ended()

    def leave(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Tell it to end, and wait for nothing."""
        self._until = time.monotonic() + 20
        if self.process.poll() is None:
            self.process.send_signal(number)

    def ended(self) -> int:
        """Its exit code, for which it has twenty seconds since it was told."""
        try:
            return self.process.wait(max(0.0, self._until - time.monotonic()))
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._log.close()


@pytest.fixture
def plex() -> Iterator[SandboxProcess]:
    with SandboxProcess.start(kind="plex", port=0) as process:
        yield process


@pytest.fixture
def overseerr(tmp_path: Path) -> Iterator[SandboxProcess]:
    state = tmp_path / "overseerr.jsonl"
    with SandboxProcess.start(kind="overseerr", port=0, state=state) as process:
        yield process


@pytest.fixture(scope="session")
def leaving() -> Iterator[list[Any]]:
    """Servers that have been told to end, while other tests go on."""
    servers: list[Server] = []
    yield servers
    for server in servers:
        server.ended()


@pytest.fixture
def serve(
    tmp_path: Path, request: pytest.FixtureRequest, leaving: list[Any]
) -> Iterator[Callable[..., Server]]:
    """`serve(**variables)` is a running server that is ready, or, without `ready`, alive."""
    servers: list[Server] = []

    def start(ready: bool = True, **variables: Any) -> Server:
        directory = tmp_path / str(len(servers))
        directory.mkdir(exist_ok=True)
        servers.append(Server(directory, **variables))
        return servers[-1].wait_until("ready" if ready else "live")

    yield start
    for server in servers:
        server.leave()
    alone = request.node.get_closest_marker("alone") is not None
    due, leaving[:] = (leaving + servers, []) if alone else (leaving[:], servers)
    for server in due:
        server.ended()


@pytest.fixture
def server(serve: Callable[..., Server], plex: SandboxProcess) -> Server:
    """The app in front of the sandbox, quick to time out and to recover."""
    return serve(MEDIANEST_PLEX_URL=plex.url, MEDIANEST_PLEX_TOKEN=plex.token, **QUICK)
