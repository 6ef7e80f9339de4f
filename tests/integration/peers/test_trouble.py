"""Real workers and a Plex that hangs, or that one of them cannot reach."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.peers.test_workers import WORKERS, of_workers
from tests.support.server import OPERATOR, Server
from tests.support.waiting import wait_until

ITEMS = "plex-media-server.items"
NO_ITEMS = b'{"MediaContainer": {"size": 0, "totalSize": 0, "Metadata": [], "version": "1.42"}}'

HEAD = (
    f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(NO_ITEMS)}\r\n"
    "Connection: close\r\n\r\n"
).encode()


class Plex:
    """One that closes each connection of which `answers(connection)` says so, or answers that there
    is nothing. `calls` is how many connections there were."""

    def __init__(self, answers: Callable[[socket.socket], bool]) -> None:
        self.calls, self._answers = 0, answers
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._kept: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.calls += 1
            self._kept.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            if self._answers(connection) and connection.recv(65_536):
                connection.sendall(HEAD + NO_ITEMS)

    def close(self) -> None:
        self._socket.close()


@contextmanager
def serving(folder: Path, plex: Plex, **variables: Any) -> Iterator[Server]:
    """A server whose workers, as many as there are, know each other."""
    folder.mkdir()
    running = Server(
        folder, MEDIANEST_PLEX_URL=plex.url, MEDIANEST_PLEX_MAX_ATTEMPTS=1,
        MEDIANEST_PLEX_FAILURE_THRESHOLD=3, MEDIANEST_PLEX_BREAKER_ENABLED="true",
        MEDIANEST_PLEX_RESET_TIMEOUT=60, **variables,
    ).wait_until("live")  # fmt: skip
    wanted = int(variables["WEB_CONCURRENCY"])
    try:
        wait_until(lambda: running.breaker()["workers"]["of"] == wanted)
        yield running
    finally:
        running.stop()


def get(connection: http.client.HTTPConnection, path: str) -> int:
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    return response.status


def ask(connections: list[http.client.HTTPConnection]) -> list[int]:
    """Each for items of its own: how that went."""
    return [
        get(connection, f"/api/v1/media/libraries/{number}/items")
        for number, connection in enumerate(connections, 1)
    ]


@contextmanager
def spread(server: Server, number: int) -> Iterator[list[http.client.HTTPConnection]]:
    """So many connections, to each worker in turn: the system may give all to one that is idle."""
    workers, made = of_workers(server), []
    try:
        for place in range(number):
            with standing_still(set(workers) - {workers[place % len(workers)]}):
                made.append(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30))
                get(made[-1], "/api/v1/health/live")
        yield made
    finally:
        for connection in made:
            connection.close()


@contextmanager
def standing_still(processes: set[int]) -> Iterator[None]:
    for each in processes:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in processes:
            os.kill(each, signal.SIGCONT)


def is_open_everywhere(server: Server) -> bool:
    workers = server.breaker(ITEMS)["workers"]
    return all(each["state"] == "open" for each in workers["states"])


def until_all_are_open(server: Server, plex: Plex) -> tuple[float, int]:
    """Six people look at the same time, again and again, spread over the workers: how long it
    takes, and how many calls."""
    ends = threading.Event()

    def look(number: int) -> None:
        while not ends.is_set():
            get(connections[number], f"/api/v1/media/libraries/{number + 1}/items")
            ends.wait(0.02)

    with spread(server, 6) as connections, ThreadPoolExecutor(6) as people:
        before, began = plex.calls, time.monotonic()
        looking = [people.submit(look, number) for number in range(6)]
        try:
            wait_until(lambda: is_open_everywhere(server), 30)
            took = time.monotonic() - began
        finally:
            ends.set()
    for each in looking:
        each.result()
    return took, plex.calls - before


@pytest.mark.few  # who waits for the processor hears of others later
def test_a_plex_that_hangs_is_noticed_as_soon_as_by_one_worker(tmp_path: Path) -> None:
    """Keeps out: 8 to 10 s and 18 to 22 calls, where one worker takes 2.3 s and 6."""
    hangs = threading.Event()
    plex = Plex(lambda connection: hangs.wait(60))
    took = {}
    try:
        for workers in (1, WORKERS):
            with serving(
                tmp_path / str(workers), plex, WEB_CONCURRENCY=workers,
                MEDIANEST_PLEX_TIMEOUT=2.0, MEDIANEST_HEALTH_INTERVAL=3600,
            ) as server:  # fmt: skip
                took[workers] = until_all_are_open(server, plex)
                server.kill()  # it would wait for what hangs
    finally:
        hangs.set()
        plex.close()
    assert took[WORKERS][0] <= 1.25 * took[1][0], took
    assert took[WORKERS][1] <= 8, took


class OneCutOff:
    """The trouble of one worker's network: whatever it sends gets a closed connection."""

    def __init__(self) -> None:
        self.pid = 0

    def __call__(self, connection: socket.socket) -> bool:
        port = connection.getpeername()[1]
        if not self.pid:
            return True
        its = psutil.Process(self.pid).net_connections("tcp")
        return all(each.laddr.port != port for each in its)


@pytest.fixture(scope="module")
def trouble() -> OneCutOff:
    return OneCutOff()


@pytest.fixture(scope="module")
def cut_off(
    tmp_path_factory: pytest.TempPathFactory, trouble: OneCutOff
) -> Iterator[tuple[Server, int]]:
    """A server, and the worker that cannot reach Plex and has opened its circuit breaker."""
    plex = Plex(trouble)
    folder = tmp_path_factory.mktemp("trouble") / "server"
    with serving(folder, plex, WEB_CONCURRENCY=WORKERS, MEDIANEST_HEALTH_INTERVAL=0.5) as server:
        trouble.pid = of_workers(server)[0]
        with spread(server, 2 * WORKERS) as connections:

            def has_opened() -> bool:
                ask(connections)
                return states(server).count("open") == 1

            wait_until(has_opened)
        yield server, trouble.pid
    plex.close()


def states(server: Server) -> list[str]:
    return [each["state"] for each in server.breaker(ITEMS)["workers"]["states"]]


def test_one_that_is_cut_off_opens_alone_and_is_named(cut_off: tuple[Server, int]) -> None:
    server, pid = cut_off
    with spread(server, 2 * WORKERS) as connections:
        answers = [*ask(connections), *ask(connections)]
    assert sorted(states(server)) == ["closed"] * (WORKERS - 1) + ["open"]
    assert sorted(answers) == [200] * 12 + [503] * 4  # the others serve
    workers = server.breaker(ITEMS)["workers"]
    assert workers["message"].startswith("worker ")
    assert workers["message"].endswith(f"(process {pid}) alone cannot reach plex-media-server")
    (opened,) = (each["name"] for each in workers["states"] if each["state"] == "open")
    assert f"(process {pid})" in opened


def test_it_is_named_in_the_status(cut_off: tuple[Server, int]) -> None:
    server, pid = cut_off

    def told() -> str:
        found = server.get("/api/v1/resilience/status").json["by_name"]["sharing"]
        return str(found["message"])

    wait_until(lambda: f"(process {pid}) alone cannot reach plex-media-server" in told(), 20)


def test_the_command_line_names_it(cut_off: tuple[Server, int]) -> None:
    server, pid = cut_off
    environment = {**os.environ, "MEDIANEST_OPERATOR_TOKEN": OPERATOR, "COLUMNS": "80"}
    for words in ("list", f"show {ITEMS}"):
        command = f"{sys.executable} -m medianest --url {server.url} breakers {words}"
        told = subprocess.run(
            command.split(), env=environment, capture_output=True, text=True, timeout=20
        )
        in_a_line = " ".join(told.stdout.split())
        assert f"(process {pid}) alone cannot reach" in in_a_line, told.stdout + told.stderr
