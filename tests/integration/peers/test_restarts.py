"""Workers are replaced, and nobody who asks the server notices."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from medianest.sandbox.process import SandboxProcess
from tests.support.server import Answer, Server
from tests.support.waiting import wait_until

LIBRARIES = "/api/v1/media/libraries"
BREAKER = "plex-media-server.libraries"
BREAKERS = "/api/v1/resilience/circuit-breakers/"
OPEN, HELD = f"{BREAKERS}{BREAKER}", f"{BREAKERS}plex-media-server.search"
LONG = 2.0
"""Seconds; a start takes about one, and more on a machine that has other things to do."""


class Clients:
    """Some that keep their connection, and some that do not, each asking one thing after another
    of them all the time."""

    def __init__(self, port: int, *paths: str) -> None:
        self._port, self._paths, self._ended = port, paths, threading.Event()
        self.answers: list[tuple[str, int, dict[str, Any]]] = []
        self.failures: list[Exception] = []
        self.longest = 0.0
        self._threads = [
            threading.Thread(target=self._ask, args=(keeps,)) for keeps in (True, False) * 2
        ]
        for each in self._threads:
            each.start()

    def _ask(self, keeps: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        while not self._ended.is_set():
            for path in self._paths:
                began = time.monotonic()
                try:
                    self.answers.append(self._answer(connection, path))
                except (OSError, http.client.HTTPException) as error:
                    self.failures.append(error)
                self.longest = max(self.longest, time.monotonic() - began)
                if not keeps:
                    connection.close()
            self._ended.wait(0.02)
        connection.close()

    def _answer(
        self, connection: http.client.HTTPConnection, path: str
    ) -> tuple[str, int, dict[str, Any]]:
        connection.request("GET", path)
        response = connection.getresponse()
        return path, response.status, json.loads(response.read())

    def stop(self) -> None:
        self._ended.set()
        for each in self._threads:
            each.join()

    def seen(self, path: str, *names: str) -> set[tuple[Any, ...]]:
        """What those members of the answers were."""
        return {
            tuple(body[name] for name in names) for asked, _, body in self.answers if asked == path
        }


def workers(server: Server) -> set[int]:
    return {child.pid for child in psutil.Process(server.process.pid).children()}


def ask(server: Server, path: str, times: int = 20) -> list[Answer]:
    """On new connections, for whichever worker takes them."""
    return [server.get(path) for _ in range(times)]


def is_open(server: Server) -> bool:
    """For all workers, after calls to all of them."""
    ask(server, LIBRARIES, 4)
    return {answer.json["state"] for answer in ask(server, OPEN)} == {"open"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that has asked Plex, which then fails; and an operator holds a breaker open."""
    with SandboxProcess.start(kind="plex") as plex:
        running = serve(tmp_path_factory.mktemp("restarts"), plex)
        try:
            prepare(running, plex)
            yield running
        finally:
            running.stop()


def serve(folder: Path, plex: SandboxProcess) -> Server:
    return Server(
        folder, MEDIANEST_PLEX_URL=plex.url, MEDIANEST_PLEX_TOKEN=plex.token,
        MEDIANEST_PLEX_MAX_ATTEMPTS=1, MEDIANEST_PLEX_FAILURE_THRESHOLD=2,
        MEDIANEST_PLEX_RESET_TIMEOUT=600, MEDIANEST_PLEX_MAX_RESET_TIMEOUT=600,
        MEDIANEST_HEALTH_INTERVAL=3600,
    )  # fmt: skip


def prepare(server: Server, plex: SandboxProcess) -> None:
    server.wait_until()
    assert server.get(LIBRARIES).status == 200
    plex.fault("status", status=500)
    wait_until(lambda: is_open(server))
    assert server.act("open", "plex-media-server.search", reason="moving").status == 200


def assert_nothing_is_forgotten(server: Server, clients: Clients) -> None:
    """What an operator, Plex and the breaker have said counts for all workers all the time."""
    assert clients.seen(OPEN, "state", "openings_in_a_row") == {("open", 1)}
    until = [datetime.fromisoformat(at) for (at,) in clients.seen(OPEN, "next_attempt_at")]
    assert (max(until) - min(until)).total_seconds() < 0.5
    assert clients.seen(HELD, "state", "reason") == {("forced_open", "moving")}
    answers = [(answer.status, answer.json["degraded"]) for answer in ask(server, LIBRARIES)]
    assert set(answers) == {(200, True)}


@pytest.mark.alone  # it measures how long requests wait
def test_on_sighup_nothing_fails_nothing_waits_and_nothing_is_forgotten(server: Server) -> None:
    """Keeps out: breakers that were closed again, and last good answers that were gone."""
    before, clients = workers(server), Clients(server.port, OPEN, HELD)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: workers(server) and not workers(server) & before, 20)
    answered = len(clients.answers)
    wait_until(lambda: len(clients.answers) > answered + 50)
    clients.stop()
    assert clients.failures == []
    assert clients.longest < LONG
    assert_nothing_is_forgotten(server, clients)


def test_one_in_the_place_of_a_worker_that_was_killed_has_forgotten_nothing(
    server: Server,
) -> None:
    """It asks the one that lives, which has asked the one that was killed."""
    (killed,) = workers(server)
    server.process.send_signal(signal.SIGTTIN)  # one worker more
    wait_until(lambda: of(server) == 2, 20)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: killed not in workers(server) and of(server) == 2, 20)
    clients = Clients(server.port, OPEN, HELD)
    wait_until(lambda: len(clients.answers) > 50)
    clients.stop()
    assert_nothing_is_forgotten(server, clients)


def of(server: Server) -> int:
    """How many workers there are, by their own word."""
    try:
        answer = server.act("open", "plex-media-server.search", reason="moving")
    except OSError:  # that worker was killed
        return 0
    number: int = answer.json["kept"]["applied"]["of"]
    return number
