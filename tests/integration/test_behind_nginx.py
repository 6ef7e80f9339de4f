"""Behind a proxy, as at many homes: whoever asks sees neither an end nor a new configuration."""

import http.client
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from medianest.sandbox import SandboxProcess
from tests.support.proxies import proxy
from tests.support.server import OPERATOR, Server
from tests.support.waiting import wait_until

CLIENTS = 32

pytestmark = pytest.mark.usefixtures("only_crowd")


@pytest.fixture
def in_front(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """`in_front(*servers)` is the port of an nginx in front of them, as it is deployed."""
    with ExitStack() as stack:
        yield lambda *servers: stack.enter_context(proxy("nginx", tmp_path, *servers))


class Household:
    """Many clients, each with a connection that it keeps; some wish for titles."""

    def __init__(self, port: int) -> None:
        self.statuses: list[int] = []
        self.failures: list[Exception] = []
        self._port, self._ended = port, threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _ask(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        wish = f'{{"media_type": "movie", "media_id": {number + 603}}}'.encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {OPERATOR}"}
        while not self._ended.wait(0.05):
            try:
                if number % 8:
                    connection.request("GET", "/api/v1/media/libraries", headers=headers)
                else:
                    connection.request("POST", "/api/v1/media/requests", wish, headers)
                answer = connection.getresponse()
                answer.read()
                self.statuses.append(answer.status)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(error)
                connection.close()
        connection.close()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


def is_served(household: Household) -> None:
    before = len(household.statuses)
    wait_until(lambda: len(household.statuses) >= before + 5 * CLIENTS)


@pytest.fixture
def serve_media(
    serve: Callable[..., Server], plex: SandboxProcess, overseerr: SandboxProcess
) -> Callable[..., Server]:
    def start(**variables: Any) -> Server:
        return serve(
            MEDIANEST_PLEX_URL=plex.url, MEDIANEST_PLEX_TOKEN=plex.token,
            MEDIANEST_OVERSEERR_URL=overseerr.url, MEDIANEST_OVERSEERR_API_KEY=overseerr.token,
            MEDIANEST_THREADS=80, MEDIANEST_PLEX_MAX_CONCURRENT=40,
            MEDIANEST_OVERSEERR_MAX_CONCURRENT=40, **variables,
        )  # fmt: skip

    return start


def test_nobody_sees_that_one_of_two_servers_ends(
    serve_media: Callable[..., Server], in_front: Callable[..., int]
) -> None:
    first, second = (serve_media(MEDIANEST_DRAIN_DELAY=1.5) for _ in range(2))
    household = Household(in_front(first, second))
    try:
        is_served(household)
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(15) == 0
        is_served(household)
    finally:
        household.stop()
    assert not household.failures
    assert set(household.statuses) <= {200, 201, 202, 409}


def test_nobody_sees_that_a_server_takes_a_new_configuration(
    serve_media: Callable[..., Server], in_front: Callable[..., int]
) -> None:
    server = serve_media()
    household = Household(in_front(server))
    try:
        is_served(household)
        began = server.get("/api/v1/health/").json["uptime_seconds"]
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.get("/api/v1/health/").json["uptime_seconds"] < began)
        time.sleep(1)  # the old worker has closed what it kept by now
        is_served(household)
    finally:
        household.stop()
    assert not household.failures
    assert set(household.statuses) <= {200, 201, 202, 409}
