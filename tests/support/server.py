"""The app as it runs: gunicorn in a process of its own, asked over real sockets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

from tests.support import ROOT
from tests.support.ports import free_port
from tests.support.waiting import wait_until

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
