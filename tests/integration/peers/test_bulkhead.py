"""The places of a bulkhead are those of all workers of a host together."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import psutil
import pytest

from tests.integration.peers.slow_plex import SlowPlex
from tests.support.server import Server
from tests.support.waiting import wait_until

WORKERS, PLACES = 4, 10
HANGS = 60.0

_numbers = count(1)


@pytest.fixture(scope="module")
def plex() -> Iterator[SlowPlex]:
    slow = SlowPlex(0.0)
    yield slow
    slow.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, plex: SlowPlex) -> Iterator[Server]:
    running = Server(
        tmp_path_factory.mktemp("workers"), WEB_CONCURRENCY=WORKERS, MEDIANEST_PLEX_URL=plex.url,
        MEDIANEST_PLEX_MAX_CONCURRENT=PLACES, MEDIANEST_HEALTH_INTERVAL=3600,
    ).wait_until("live")  # fmt: skip
    wait_until(lambda: running.act("reset").json["kept"]["applied"]["of"] == WORKERS)
    yield running
    running.stop()


def of_workers(server: Server) -> list[int]:
    return [child.pid for child in psutil.Process(server.process.pid).children()]


def holders(plex: SlowPlex, server: Server) -> Counter[int]:
    """How many calls of each worker are with Plex."""
    ports = plex.ports
    return Counter(
        pid
        for pid in of_workers(server)
        for each in psutil.Process(pid).net_connections("tcp")
        if each.laddr.port in ports
    )


@contextmanager
def clients(server: Server, number: int) -> Iterator[None]:
    """So many, who ask for something else each time, until the end of the block."""
    ends = threading.Event()

    def ask() -> None:
        while not ends.wait(0.03):
            try:
                server.get(f"/api/v1/media/libraries/{next(_numbers)}/items", timeout=2)
            except OSError:
                pass

    threads = [threading.Thread(target=ask) for _ in range(number)]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        ends.set()
        for each in threads:
            each.join()


def test_there_are_never_more_than_ten_at_once(server: Server, plex: SlowPlex) -> None:
    plex.begin_anew(0.2)
    with clients(server, 56):
        wait_until(lambda: plex.calls >= 8 * PLACES)
    assert plex.most == PLACES


def test_the_places_of_a_worker_that_was_killed_are_free(server: Server, plex: SlowPlex) -> None:
    plex.begin_anew(HANGS)
    with clients(server, 24):
        wait_until(lambda: len(plex.ports) == PLACES)
        (killed, had), *_ = holders(plex, server).most_common(1)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: plex.calls >= PLACES + had)
        wait_until(lambda: len(plex.ports) == PLACES)
        assert {in_use(server) for _ in range(8)} == {PLACES}
        plex.takes = 0.0
    assert plex.most <= PLACES + had  # its calls end one after the other, its places at once


@pytest.mark.few  # who stands still for too long is replaced
def test_one_alone_may_use_all(server: Server, plex: SlowPlex) -> None:
    wait_until(lambda: len(of_workers(server)) == WORKERS and not in_use(server))
    one, *still = of_workers(server)
    plex.begin_anew(HANGS)
    for each in still:
        os.kill(each, signal.SIGSTOP)
    try:
        with clients(server, 24):
            wait_until(lambda: len(plex.ports) == PLACES)
            assert holders(plex, server) == {one: PLACES}
            plex.takes = 0.0
    finally:
        for each in still:
            os.kill(each, signal.SIGCONT)
    assert plex.most == PLACES


def in_use(server: Server) -> int:
    """How many places of the host are taken, says whichever worker answers."""
    seen = server.get("/api/v1/resilience/dependencies/plex-media-server").json["bulkhead"]
    assert (seen["scope"], seen["max_concurrent"]) == ("host", PLACES)
    return int(seen["in_use"])
