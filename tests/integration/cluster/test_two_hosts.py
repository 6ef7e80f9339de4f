"""Two hosts of two workers each, in networks of their own, obey as one; and each goes on alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from redis import Redis

from medianest.cluster.postgres import PostgresTier
from medianest.cluster.redis import RedisTier
from medianest.cluster.tier import Tier
from medianest.resilience import Deadline
from tests.integration.cluster.process import Host
from tests.support.namespace import Namespace
from tests.support.postgres import PostgresProcess
from tests.support.relay import Relay
from tests.support.valkey import ValkeyProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.alone  # a word is obeyed within a second

PASSWORD = "open-sesame"
DATABASE = "two_hosts"
KEY = "medianest:overrides:v1"


@pytest.fixture(scope="module")
def networks() -> Iterator[list[Namespace]]:
    found = [Namespace(number) for number in (1, 2)]
    try:
        for each in found:
            each.open()
        yield found
    finally:
        for each in found:
            each.close()


@pytest.fixture(scope="module")
def redis() -> Iterator[ValkeyProcess]:
    server = ValkeyProcess(password=PASSWORD)
    yield server
    server.stop()


@pytest.fixture(scope="module", params=["redis", "postgresql"])
def house(
    request: pytest.FixtureRequest,
    networks: list[Namespace],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """The hosts, and what they have in common."""
    with ExitStack() as stack:
        settings = (_redis if request.param == "redis" else _postgres)(request, networks, stack)
        made = [
            Host(tmp_path_factory.mktemp("host"), network.inside, **each)
            for network, each in zip(networks, settings, strict=True)
        ]
        for host in made:
            stack.enter_context(host)
        wait_until(lambda: [host.connected for host in made] == [1, 1])
        yield House(made, request.getfixturevalue(request.param.removesuffix("ql")))
        for host in made:
            assert "Traceback" not in host.log
            assert PASSWORD not in host.log


def _redis(
    request: pytest.FixtureRequest, networks: list[Namespace], stack: ExitStack
) -> list[dict[str, Any]]:
    """How each host reaches it."""
    server: ValkeyProcess = request.getfixturevalue("redis")
    places = _places(server.port, networks, stack)
    return [{"redis": {"url": f"redis://:{PASSWORD}@{place}/0"}} for place in places]


def _postgres(
    request: pytest.FixtureRequest, networks: list[Namespace], stack: ExitStack
) -> list[dict[str, Any]]:
    server: PostgresProcess = request.getfixturevalue("postgres")
    server.make_database(DATABASE, request.getfixturevalue("migrated_database"))
    places = _places(server.port, networks, stack)
    return [{"database": {"url": f"postgresql://postgres@{place}/{DATABASE}"}} for place in places]


def _places(port: int, networks: list[Namespace], stack: ExitStack) -> list[str]:
    """Address and port, as they are seen from each network."""
    relays = [Relay(network.here, port) for network in networks]
    for relay in relays:
        stack.callback(relay.close)
    pairs = zip(networks, relays, strict=True)
    return [f"{network.here}:{relay.port}" for network, relay in pairs]


class House:
    def __init__(self, hosts: list[Host], server: ValkeyProcess | PostgresProcess) -> None:
        self.one, self.two = hosts
        self.server = server

    @property
    def states(self) -> list[str]:
        return self.one.ask("state") + self.two.ask("state")

    @property
    def connected(self) -> list[int]:
        return [self.one.connected, self.two.connected]

    def entries(self) -> list[str]:
        """What is kept of them, by name."""
        server = self.server
        if isinstance(server, ValkeyProcess):
            tier: Tier = RedisTier(server.url)
        else:
            tier = PostgresTier(server.url(DATABASE))
        with Deadline(5.0).scope():
            tier.connect()
            found = [*tier.read()]
        tier.close()
        return found

    def all_are(self, state: str, seconds: float = 1) -> None:
        wait_until(lambda: self.states == [state] * 4, seconds, told=lambda: self.states)


@pytest.fixture
def closed(house: House) -> House:
    """All closed, by an operator's word."""
    wait_until(lambda: house.connected == [1, 1])
    house.one.workers[0].do("act", "enable")
    house.all_are("closed")
    return house


def test_a_word_on_any_worker_is_obeyed_by_all(closed: House) -> None:
    for worker, action, state in (
        (closed.one.elected, "open", "forced_open"),
        (closed.two.other, "disable", "disabled"),
        (closed.one.other, "enable", "closed"),
        (closed.two.elected, "open", "forced_open"),
    ):
        worker.do("act", action)
        closed.all_are(state)
    assert closed.connected == [1, 1]
    assert closed.one.elected.do("fork") is False
    assert closed.connected == [1, 1]


def test_what_one_host_finds_the_other_believes_at_its_first_failure(closed: House) -> None:
    one, two = closed.one, closed.two
    for host in (one, two):
        host.ask("rest", "yes")
    for _ in range(3):
        one.ask("fail")
    wait_until(lambda: one.ask("state") == ["open", "open"])
    heard = two.elected.do("standing")["looks"] + 2
    wait_until(lambda: two.elected.do("standing")["looks"] >= heard)
    assert two.ask("state") == ["closed", "closed"]
    two.other.do("fail")
    wait_until(lambda: two.ask("state") == ["open", "open"], 1)
    two.ask("rest", "no")  # and the first does not call: what the second finds out is enough
    wait_until(lambda: two.ask("state") == ["closed", "closed"])
    one.ask("rest", "no")
    closed.all_are("closed")


def test_with_the_cable_pulled_each_goes_on_alone(closed: House, networks: list[Namespace]) -> None:
    networks[0].pull()
    wait_until(lambda: closed.connected == [0, 1])
    assert closed.one.other.do("act", "open") < 0.5
    assert closed.one.ask("state") == ["forced_open"] * 2
    closed.two.other.do("act", "disable")  # the last word
    assert closed.two.ask("state") == ["disabled"] * 2
    networks[0].plug()
    closed.all_are("disabled", 2)


def test_one_that_is_frozen_holds_nobody_up(closed: House) -> None:
    closed.one.ask("longest")
    closed.server.freeze()
    try:
        wait_until(lambda: closed.connected == [0, 0])
        assert closed.one.other.do("act", "open") < 0.5
        assert closed.one.ask("state") == ["forced_open"] * 2
        assert closed.one.elected.do("stop") < 2
        assert max(closed.one.ask("longest")) < 0.5  # with a wait for it they would take a second
    finally:
        closed.server.thaw()
    closed.all_are("forced_open", 3)  # who has stopped begins again within one


def test_one_that_was_killed_and_has_lost_all_is_filled_again(closed: House) -> None:
    closed.two.other.do("act", "open")
    closed.all_are("forced_open")
    closed.server.kill()
    wait_until(lambda: closed.connected == [0, 0])
    assert closed.one.other.do("act", "disable") < 0.5
    closed.server.start()
    closed.all_are("disabled", 2)
    if isinstance(closed.server, ValkeyProcess):
        with closed.server.client() as raw:
            raw.flushall()
    else:
        closed.server.execute("DELETE FROM overrides", DATABASE)
    wait_until(lambda: closed.entries() == ["plex"], 2)
    assert closed.states == ["disabled"] * 4


def test_garbage_harms_nobody(closed: House) -> None:
    closed.two.other.do("act", "open")
    closed.all_are("forced_open")
    if isinstance(closed.server, ValkeyProcess):
        _spoil_redis(closed.server)
    else:
        closed.server.execute(
            "UPDATE overrides SET record = '[1, null]', revision = 2::bigint ^ 62 - 1;"
            "INSERT INTO overrides VALUES ('other', 1, '7');"
            "NOTIFY medianest, 'garbage'",
            DATABASE,
        )
    closed.one.other.do("act", "enable")
    closed.all_are("closed")
    assert closed.connected == [1, 1]


def _spoil_redis(server: ValkeyProcess) -> None:
    with server.client() as raw:
        for spoil in (
            lambda: raw.hset(KEY, mapping={"plex": b"\x80\x04.", b"\xff": b"{}"}),
            lambda: (raw.delete(KEY), raw.set(KEY, b"garbage")),
        ):
            spoil()
            wait_until(lambda: _is_well(raw), 2)
        for _ in range(1_000):
            raw.publish("medianest:news", b"\xff\0garbage")


def _is_well(raw: Redis) -> bool:
    return raw.type(KEY) == b"hash" and str(raw.hget(KEY, "plex")).startswith("b'{")


def test_when_the_elected_one_dies_the_other_takes_over(closed: House) -> None:
    left = closed.two.other
    closed.two.elected.kill()
    closed.one.other.do("act", "open")
    wait_until(lambda: left.do("state") == "forced_open", 3)
    left.do("act", "enable")
    wait_until(lambda: closed.one.ask("state") == ["closed"] * 2, 1)
