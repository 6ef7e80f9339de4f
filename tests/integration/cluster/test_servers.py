"""Real servers on two hosts, which have only Redis in common. The last of the tests ends them."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.server import OPERATOR, Server
from tests.support.valkey import ValkeyProcess
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def redis() -> Iterator[ValkeyProcess]:
    server = ValkeyProcess(password="open-sesame")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def hosts(
    redis: ValkeyProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    variables: dict[str, Any] = {
        "MEDIANEST_PLEX_URL": "http://127.0.0.1:1",
        "MEDIANEST_PLEX_TOKEN": "a-token",
        "MEDIANEST_PLEX_MAX_ATTEMPTS": 1,
        "MEDIANEST_PLEX_RESET_TIMEOUT": 60,
        "MEDIANEST_PLEX_MAX_RESET_TIMEOUT": 60,
        "MEDIANEST_REDIS_URL": redis.url,
        "WEB_CONCURRENCY": 2,
    }
    one, two = (Server(tmp_path_factory.mktemp("host"), **variables) for _ in range(2))
    yield one.wait_until(), two.wait_until()
    for server in (one, two):
        server.stop()


def states(server: Server, name: str = "plex") -> set[str]:
    """As told by whichever worker gets the question."""
    return {server.breaker(name)["state"] for _ in range(6)}


def test_what_is_said_to_one_server_the_other_obeys(hosts: tuple[Server, Server]) -> None:
    one, two = hosts
    assert one.act("open", reason="moving the server").status == 200
    wait_until(lambda: states(two) == {"forced_open"}, 1)
    (told,) = two.get("/api/v1/resilience/overrides").json["overrides"]
    assert told["reason"] == "moving the server"
    assert two.act("enable").status == 200
    wait_until(lambda: states(one) == {"closed"}, 1)


def test_hosts_that_are_restarted_in_turn_keep_overrides_and_openings(
    hosts: tuple[Server, Server], redis: ValkeyProcess
) -> None:
    assert hosts[0].act("open", "database").status == 200
    for host in hosts:
        wait_until(lambda host=host: is_open_after_a_call(host))  # type: ignore[misc]
    with redis.client() as raw:
        wait_until(lambda: raw.hlen("medianest:openings:v1") == 2)
    for host in hosts:
        assert host.stop() == 0
        host.reopen()
        host.wait_until("live")
        wait_until(lambda host=host: states(host) == {"open"}, 2)  # type: ignore[misc]
        assert states(host, "database") == {"forced_open"}


def is_open_after_a_call(server: Server) -> bool:
    headers = {"Authorization": f"Bearer {OPERATOR}"}
    assert server.get("/api/v1/media/sessions", headers=headers).status == 503
    return states(server) == {"open"}


def test_with_a_frozen_redis_each_goes_on_and_ends(
    hosts: tuple[Server, Server], redis: ValkeyProcess
) -> None:
    one, two = hosts
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
