"""How the server ends, goes on after a pause, and takes a new configuration."""

import os
import resource
import signal
import socket
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.server import Server
from tests.support.waiting import wait_until

LIVE, READY = "/api/v1/health/live", "/api/v1/health/ready"
PAUSE = 7.0
"""Seconds, longer than the server may hang."""


class Clients:
    """A few that ask on a new connection each time, one after the other."""

    def __init__(self, server: Server, path: str, count: int = 8) -> None:
        self.answers: list[int] = []
        self.failures: list[OSError] = []
        self._server, self._path, self._ended = server, path, threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        while not self._ended.wait(0.005):
            try:
                self.answers.append(self._server.get(self._path, timeout=10).status)
            except OSError as error:
                self.failures.append(error)

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all but those who end it."""
    url: dict[str, Any] = {
        "MEDIANEST_PLEX_URL": "http://127.0.0.1:1",
        "GUNICORN_CMD_ARGS": "--timeout 3",
    }
    server = Server(tmp_path_factory.mktemp("ends"), **url)
    yield server.wait_until()
    server.stop()


def workers(server: Server) -> set[int]:
    children = psutil.Process(server.process.pid).children()
    return {child.pid for child in children if _lives(child)}


def _lives(child: psutil.Process) -> bool:
    try:
        return child.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it has ended since
        return False


def test_from_sigterm_on_nobody_is_refused_for_a_while(serve: Callable[..., Server]) -> None:
    """Keeps out: the listener closed at once, so that no proxy ever saw that it should go away."""
    server = serve(MEDIANEST_PLEX_URL="http://127.0.0.1:1", MEDIANEST_DRAIN_DELAY=1.5)
    clients = Clients(server, LIVE)
    wait_until(lambda: len(clients.answers) > 20)
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: server.get(READY).status == 503)
    assert server.get(READY).json["reasons"] == ["draining"]
    assert server.get(LIVE).headers["Connection"] == "close"
    clients.stop()
    assert set(clients.answers) == {200}
    assert not clients.failures
    assert server.process.wait(10) == 0
    with pytest.raises(urllib.error.URLError):
        server.get(LIVE)


def test_whoever_is_in_a_hurry_need_not_wait_for_the_drain(serve: Callable[..., Server]) -> None:
    server = serve(MEDIANEST_PLEX_URL="http://127.0.0.1:1", MEDIANEST_DRAIN_DELAY=60)
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: server.get(READY).status == 503)
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(10) == 0


def test_the_end_waits_for_no_worker_that_is_still_starting(serve: Callable[..., Server]) -> None:
    """Keeps out: a SIGTERM after a SIGHUP that took effect when the new workers served."""
    server = serve(MEDIANEST_PLEX_URL="http://127.0.0.1:1", MEDIANEST_DRAIN_DELAY=0)
    before = workers(server)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: workers(server) - before)
    (new,) = workers(server) - before
    os.kill(new, signal.SIGSTOP)  # it never serves
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: len(workers(server)) == 1, 3)
    os.kill(new, signal.SIGCONT)
    assert server.process.wait(5) == 0


STARTING_SLOWLY = """
import time
from pathlib import Path
from medianest.server.configuration import configuration

globals().update(configuration())

def post_fork(server, worker):
    Path({begun!r}).touch()
    time.sleep(1)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_hears_of_the_end_from_its_first_instant(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Keeps out: a signal between the fork and the worker's own handlers, which was lost in a copy
    of the master's, so that the server ended when it had waited for its worker in vain."""
    begun, configuration = tmp_path / "begun", tmp_path / "slowly.py"
    configuration.write_text(STARTING_SLOWLY.format(begun=str(begun)))
    server = Server(tmp_path, ["--config", str(configuration)])
    try:
        wait_until(begun.exists, 30)
    finally:
        assert server.stop(number) == 0


def test_on_sighup_nobody_is_refused_and_all_workers_are_new(shared: Server) -> None:
    """Keeps out: old workers that ended while new ones were still starting."""
    before = workers(shared)
    clients = Clients(shared, READY)
    wait_until(lambda: len(clients.answers) > 20)
    shared.process.send_signal(signal.SIGHUP)
    wait_until(lambda: workers(shared) and not workers(shared) & before)
    clients.stop()
    assert set(clients.answers) == {200}
    assert not clients.failures


def test_a_wrong_configuration_on_sighup_ends_nothing(
    shared: Server, request: pytest.FixtureRequest
) -> None:
    """Keeps out: one typing error, and the server was gone."""
    before = workers(shared)
    file = shared.directory / "medianest.toml"
    file.write_text("threads = -1\n")
    request.addfinalizer(file.unlink)
    shared.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "so the old one is kept: medianest: " in shared.log)
    assert workers(shared) == before
    assert shared.get(LIVE).status == 200


@pytest.mark.slow
def test_a_pause_of_all_processes_kills_none(shared: Server) -> None:
    """Keeps out: all workers killed on waking, and all that they knew lost."""
    before = workers(shared)
    paused = [shared.process.pid, *before]
    for pid in paused:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(PAUSE)
    for pid in paused:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: "all processes were paused for" in shared.log)
    time.sleep(1.5)  # the arbiter has looked again meanwhile
    assert shared.get(LIVE).status == 200
    assert workers(shared) == before


def test_a_worker_that_hangs_alone_is_replaced(shared: Server) -> None:
    before = workers(shared)
    wait_until(lambda: shared.get(LIVE).status == 200)
    time.sleep(3)  # after a pause none is killed for as long as it may hang
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: workers(shared) and not workers(shared) & before, 20)
    shared.wait_until("live")


def test_without_files_left_the_server_waits_and_says_so_once(shared: Server) -> None:
    """Keeps out: a busy loop that wrote 85 MB of log in 45 s."""
    (pid,) = workers(shared)
    worker = psutil.Process(pid)
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (worker.num_fds() + 2, limits[1]))
    clients = [socket.create_connection(("127.0.0.1", shared.port)) for _ in range(20)]
    try:
        wait_until(lambda: "takes no new connection: Too many open files" in shared.log)
        spent = sum(worker.cpu_times()[:2])
        time.sleep(1.5)
        assert sum(worker.cpu_times()[:2]) - spent < 0.75
        assert shared.log.count("takes no new connection") == 1
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        for client in clients:
            client.close()
    assert shared.get(LIVE, timeout=5).status == 200


def test_with_somebody_elses_configuration_it_does_what_it_takes_on(tmp_path: Path) -> None:
    """Keeps out: requests accepted and never made, as nothing ran beside the requests."""
    arguments = ["--config", "/dev/null", "wsgi:app"]  # PORT is gunicorn's own, too
    server = Server(tmp_path, arguments, MEDIANEST_PLEX_URL="http://127.0.0.1:1", HOST="127.0.0.1")
    try:
        server.wait_until("live")
        wait_until(lambda: server.get(READY).status == 200)
        assert server.get("/api/v1/health/comprehensive").json["components"]
    finally:
        server.stop()
