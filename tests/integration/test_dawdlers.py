"""A thousand clients of each kind that dawdle, under real gunicorn: nobody else notices."""

import resource
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from medianest.sandbox import SandboxProcess
from tests.support.dawdlers import BODIES, SENDERS, Crowd
from tests.support.server import OPERATOR, Answer, Server

LIVE = 0.25
"""Seconds that a probe may wait, of a hundred all but one."""

GONE = 30.0
"""Seconds after which nothing may be left of them."""

CLIENT = {"Authorization": f"Bearer {OPERATOR}"}


@pytest.fixture(autouse=True)
def files() -> Iterator[int]:
    """As many open files as the system allows, for this process and the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Asking:
    """Asks for a path again and again, in a thread."""

    def __init__(self, server: Server, path: str) -> None:
        self.answers: list[Answer] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, args=(server, path))
        self._thread.start()

    def _ask(self, server: Server, path: str) -> None:
        while not self._ended.wait(0.02):
            self.answers.append(server.get(path, headers=CLIENT))

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()


def connections(server: Server) -> int:
    """How many clients the workers have, but for those that ask."""
    workers = psutil.Process(server.process.pid).children()
    found = [c for worker in workers for c in worker.net_connections() if c.status != "LISTEN"]
    return sum(c.laddr.port == server.port for c in found)


@pytest.mark.alone
@pytest.mark.parametrize("kinds", [SENDERS, BODIES], ids=["heads and ends", "bodies and readers"])
def test_a_thousand_of_each_kind_are_not_noticed(
    serve: Callable[..., Server], plex: SandboxProcess, files: int, kinds: dict[str, Any]
) -> None:
    """Keeps out: a thread for one byte, and a main loop that waits for one client to close."""
    server = serve(MEDIANEST_PLEX_URL=plex.url, MEDIANEST_PLEX_TOKEN=plex.token)
    began = time.monotonic()
    crowd = Crowd(server.port, kinds, min(1000, (files - 500) // len(kinds)))
    probes = Asking(server, "/api/v1/health/live")
    media = Asking(server, "/api/v1/media/libraries")
    try:
        assert connections(server) > 500
        while connections(server) > 2:
            assert time.monotonic() - began < GONE
            crowd.dawdle()
            time.sleep(0.3)
    finally:
        probes.stop()
        media.stop()
        crowd.close()
    took = sorted(answer.took for answer in probes.answers)
    assert {answer.status for answer in probes.answers} == {200}
    assert took[int(len(took) * 0.99)] < LIVE
    assert {answer.status for answer in media.answers} == {200}
