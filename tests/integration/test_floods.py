"""Answers that are small to send and large to hold, under real gunicorn: nobody else waits."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.answering import AnsweringServer
from tests.support.floods import FLOODS
from tests.support.server import OPERATOR, Server

SIZE = 32 * 1024 * 1024 - 100
LIVE = 0.25
"""Seconds that a probe may wait."""

CLIENT = {"Authorization": f"Bearer {OPERATOR}"}


@pytest.fixture
def flooding() -> Iterator[AnsweringServer]:
    server = AnsweringServer()
    yield server
    server.stop()


@pytest.mark.alone
def test_while_a_flood_is_read_the_probes_are_answered(
    serve: Callable[..., Server], flooding: AnsweringServer
) -> None:
    server = serve(MEDIANEST_PLEX_URL=flooding.url, MEDIANEST_PLEX_TIMEOUT=30)
    with ThreadPoolExecutor(1) as pool:
        for flood in FLOODS.values():
            flooding.body, asked = flood(SIZE), flooding.asked
            asking = pool.submit(server.get, "/api/v1/media/recently-added", headers=CLIENT)
            waits = []
            while not asking.done():
                waits.append(server.get("/api/v1/health/live").took)
                time.sleep(0.01)
            assert asking.result().status in (200, 503)
            assert flooding.asked > asked
            assert max(waits) < LIVE
            assert server.breaker()["state"] == "closed"
    server.kill()  # it would read the last flood to its end
