"""Real servers on two hosts, which have only Redis in common."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.server import Server
from tests.support.valkey import ValkeyProcess
from tests.support.waiting import wait_until


@pytest.fixture
def redis() -> Iterator[ValkeyProcess]:
    server = ValkeyProcess(password="open-sesame")
    yield server
    server.stop()


def states(server: Server) -> set[str]:
    """As told by whichever worker gets the question."""
    return {server.breaker()["state"] for _ in range(6)}


def test_what_is_said_to_one_server_the_other_obeys(
    serve: Callable[..., Server], redis: ValkeyProcess
) -> None:
    variables = {
        "MEDIANEST_PLEX_URL": "http://127.0.0.1:1",
        "MEDIANEST_PLEX_TOKEN": "a-token",
        "MEDIANEST_REDIS_URL": redis.url,
        "WEB_CONCURRENCY": 2,
    }
    one, two = serve(**variables), serve(**variables)
    assert one.act("open", reason="moving the server").status == 200
    wait_until(lambda: states(two) == {"forced_open"}, 1)
    (told,) = two.get("/api/v1/resilience/overrides").json["overrides"]
    assert told["reason"] == "moving the server"
    assert two.act("enable").status == 200
    wait_until(lambda: states(one) == {"closed"}, 1)

    redis.freeze()
    wait_until(lambda: "other hosts cannot be heard" in one.log)
    assert one.act("open").took < 1
    assert states(one) == {"forced_open"}
    began = time.monotonic()
    for server in (one, two):
        server.leave()
    assert [server.ended() for server in (one, two)] == [0, 0]
    assert time.monotonic() - began < 5
    for server in (one, two):
        log = (server.directory / "log").read_text()
        assert "Traceback" not in log
        assert "open-sesame" not in log
