"""The workers of one server judge and obey as one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import psutil
import pytest

from tests.support.narrowing import not_none
from tests.support.server import OPERATOR, Answer, Server
from tests.support.waiting import wait_until

WORKERS = 4


class Refusing:
    """A Plex that closes each connection at once; `calls` is how many there were."""

    def __init__(self) -> None:
        self.calls = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._refuse, daemon=True).start()

    def _refuse(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.calls += 1
            connection.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def plex() -> Iterator[Refusing]:
    refusing = Refusing()
    yield refusing
    refusing.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, plex: Refusing) -> Iterator[Server]:
    """One whose workers all know each other, and whose checks have been made."""
    running = Server(
        tmp_path_factory.mktemp("workers"), WEB_CONCURRENCY=WORKERS, MEDIANEST_PLEX_URL=plex.url,
        MEDIANEST_PLEX_MAX_ATTEMPTS=1, MEDIANEST_PLEX_FAILURE_THRESHOLD=3,
        MEDIANEST_PLEX_BREAKER_ENABLED="true", MEDIANEST_PLEX_RESET_TIMEOUT=60,
        MEDIANEST_HEALTH_INTERVAL=3600,
    ).wait_until("live")  # fmt: skip
    wait_until(lambda: running.act("reset").json["kept"]["applied"]["of"] == WORKERS)
    yield running
    running.stop()


def of_workers(server: Server) -> list[int]:
    return [child.pid for child in psutil.Process(server.process.pid).children()]


def states(server: Server, name: str = "plex") -> set[str]:
    """Of whichever worker answers; each request is a new connection."""
    return {server.breaker(name)["state"] for _ in range(40)}


@pytest.mark.few  # who waits for the processor hears of others later
def test_a_plex_that_is_down_is_called_as_often_as_by_one_worker(
    server: Server, plex: Refusing
) -> None:
    before = plex.calls
    for _ in range(40):
        server.get("/api/v1/media/libraries")
    assert states(server, "plex-media-server.libraries") == {"open"}
    assert plex.calls - before <= 3 + 2


def test_an_operator_is_obeyed_by_all_when_it_is_answered(server: Server) -> None:
    answer = server.act("open", reason="moving")
    assert answer.status == 200
    assert answer.json["kept"]["applied"] == {"workers": WORKERS, "of": WORKERS, "silent": []}
    assert states(server) == {"forced_open"}
    command = f"{sys.executable} -m medianest --url {server.url} breakers enable plex"
    environment = {**os.environ, "MEDIANEST_OPERATOR_TOKEN": OPERATOR}
    told = subprocess.run(
        command.split(), env=environment, capture_output=True, text=True, timeout=20
    )
    assert "4 of 4 workers of this host obey; other hosts" in told.stdout, told.stderr
    assert states(server) == {"closed"}


def test_a_worker_that_stands_still_is_named_and_obeys_when_it_goes_on(server: Server) -> None:
    still = of_workers(server)[0]
    os.kill(still, signal.SIGSTOP)
    try:
        answer = not_none(wait_until(lambda: _unless_it_waits(server)))
    finally:
        os.kill(still, signal.SIGCONT)
    assert answer.status == 202
    applied = answer.json["kept"]["applied"]
    assert (applied["workers"], applied["of"]) == (WORKERS - 1, WORKERS)
    (name,) = applied["silent"]
    assert name.startswith("worker ")
    assert name.endswith(f"(process {still})")
    assert states(server) == {"forced_open"}


def _unless_it_waits(server: Server) -> Answer | None:
    """The answer of a worker that runs: a request may also wait for the one that stands still."""
    try:
        return server.get(
            "/api/v1/resilience/circuit-breakers/plex/action",
            timeout=1,
            data=b'{"action": "open", "reason": "moving"}',
            headers={
                "Authorization": "Bearer the-operator-token",
                "Content-Type": "application/json",
            },
        )
    except OSError:
        return None
