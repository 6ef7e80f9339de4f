"""What each tier promises: the one of these tests, Redis and PostgreSQL."""

import json
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from medianest.cluster.postgres import PostgresTier
from medianest.cluster.redis import RedisTier
from medianest.cluster.tier import LARGEST, MOST, Change, Tier, TierError
from medianest.resilience import Deadline
from tests.support.postgres import PostgresProcess
from tests.support.valkey import ValkeyProcess
from tests.support.waiting import wait_until

Open = Callable[[], Tier]


def entry(revision: int, **members: Any) -> bytes:
    return json.dumps({"revision": revision, **members}).encode()


def is_woken(tier: Tier) -> bool:
    poll = select.poll()
    poll.register(tier.fileno(), select.POLLIN)
    return bool(poll.poll(5_000)) and tier.is_woken()


def test_what_one_writes_the_others_read(connect: Open) -> None:
    one, two = connect(), connect()
    changes = [Change(name, b"", entry(1, name=name)) for name in ("plex", "overseerr", "ü")]
    assert one.write(changes) == 3
    assert two.read() == {name: entry(1, name=name) for name in ("plex", "overseerr", "ü")}


def test_who_has_not_seen_the_latest_changes_nothing(connect: Open) -> None:
    one, two = connect(), connect()
    one.write([Change("plex", b"", entry(1))])
    two.write([Change("plex", entry(1), entry(2))])
    for late in (Change("plex", b"", entry(3)), Change("plex", entry(1), None)):
        assert one.write([late]) == 0
    assert one.read() == {"plex": entry(2)}
    assert one.write([Change("plex", entry(2), None)]) == 1
    assert two.read() == {}


def test_one_that_is_too_large_is_not_read_and_written_over(connect: Open) -> None:
    tier = connect()
    tier.write([Change("plex", b"", entry(1, reason="x" * LARGEST))])
    assert tier.read() == {"plex": b""}
    assert tier.write([Change("plex", b"", entry(1))]) == 1
    assert tier.read() == {"plex": entry(1)}


def test_the_others_are_woken_and_not_oneself(connect: Open) -> None:
    one, two, three = connect(), connect(), connect()
    for _ in range(3):
        one.wake()
    assert is_woken(two)
    assert is_woken(three)
    assert not one.is_woken()
    assert not two.is_woken()


def test_who_was_woken_while_it_read_knows_it(connect: Open) -> None:
    one, two = connect(), connect()
    two.wake()
    for _ in range(3):
        one.read()
    wait_until(one.is_woken)


def test_it_can_be_closed_and_connected_again(connect: Open) -> None:
    one, two = connect(), connect()
    for _ in range(4):
        one.close()
        one.connect()
    two.wake()
    assert is_woken(one)


KEY = "medianest:overrides:v1"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw.set(KEY, b"garbage" * 1_000),
        lambda raw: raw.rpush(KEY, b"garbage"),
        lambda raw: raw.hset(KEY, mapping={f"{number}": b"x" for number in range(MOST + 1)}),
    ],
)
def test_what_is_none_of_ours_makes_room(
    valkey: ValkeyProcess, raw: Redis, spoil: Callable[[Redis], object]
) -> None:
    spoil(raw)
    tier = RedisTier(valkey.url)
    with Deadline(10.0).scope():
        tier.connect()
        assert tier.read() == {}
        assert tier.write([Change("plex", b"", entry(1))]) == 1
        assert tier.read() == {"plex": entry(1)}
    tier.close()


def test_names_of_redis_that_are_no_text_harm_nobody(valkey: ValkeyProcess, raw: Redis) -> None:
    raw.hset(KEY, mapping={b"\xff\xfe": b"x", b"n" * 100_000: b"x", b"plex": entry(1)})
    tier = RedisTier(valkey.url)
    with Deadline(10.0).scope():
        tier.connect()
        found = tier.read()
    assert found == {"plex": entry(1)}
    tier.close()


def test_a_user_of_redis_who_may_not_listen_still_looks(valkey: ValkeyProcess, raw: Redis) -> None:
    """Users have no channels by default."""
    raw.acl_setuser(
        "house", enabled=True, passwords=["+secret"], keys=["*"], commands=["+@all"], reset=True
    )
    try:
        tier = RedisTier(f"redis://house:secret@127.0.0.1:{valkey.port}/0")
        with Deadline(10.0).scope():
            tier.connect()
            assert tier.write([Change("plex", b"", entry(1))]) == 1
            tier.wake()
            assert (tier.fileno(), tier.is_woken()) == (-1, False)
        tier.close()
    finally:
        raw.acl_deluser("house")


def test_behind_a_pooler_it_looks_and_does_not_listen(
    emptied_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the process that answers is another one than the one that greeted us."""
    monkeypatch.setattr("medianest.cluster.postgres._ANSWERING", "SELECT pg_backend_pid() + 1")
    tier = PostgresTier(emptied_database)
    with Deadline(10.0).scope():
        tier.connect()
        tier.wake()
        assert (tier.fileno(), tier.is_woken(), tier.read()) == (-1, False, {})
    tier.close()


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        (RedisTier, "redis://:geheim@127.0.0.1:1/0"),
        (PostgresTier, "postgresql://house:geheim@127.0.0.1:1/house"),
    ],
)
def test_an_error_names_no_address_and_no_password(kind: Callable[[str], Tier], url: str) -> None:
    tier = kind(url)
    with Deadline(5.0).scope(), pytest.raises(TierError, match="cannot be reached") as caught:
        tier.connect()
    assert "geheim" not in str(caught.value)
    assert "127" not in str(caught.value)
    tier.close()


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"*-9\r\n", b"\0" * 9_000]
)
@pytest.mark.parametrize("scheme", ["redis", "postgresql"])
def test_a_server_that_is_another_one_is_left_in_time(scheme: str, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"{scheme}://house:geheim@127.0.0.1:{listener.getsockname()[1]}/0"
        tier: Tier = RedisTier(url) if scheme == "redis" else PostgresTier(url)
        threading.Thread(target=_answer, args=(listener, answer), daemon=True).start()
        began = time.monotonic()
        with Deadline(0.3).scope(), pytest.raises(TierError):
            tier.connect()
        assert time.monotonic() - began < 2
        tier.close()


def _answer(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(answer)
        connection.recv(1_000_000)
        threading.Event().wait(0.5 if not answer else 0)


def test_before_the_tables_are_there_it_says_so(postgres: PostgresProcess) -> None:
    tier = PostgresTier(postgres.url())
    with Deadline(10.0).scope():
        tier.connect()
        with pytest.raises(TierError, match="medianest db upgrade"):
            tier.read()
    tier.close()
