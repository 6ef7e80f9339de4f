"""Redis as it should be: values with a time, one client for all threads, facts for the monitor."""

import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from medianest.cache.redis import MOST_BYTES, Shelf, Stamped
from medianest.resilience import CircuitOpenError, Deadline, DeadlineExceededError
from medianest.storage import CacheRefusedError, CacheUnavailableError
from tests.cache.conftest import ServedRedis
from tests.support.narrowing import not_none
from tests.support.valkey import ValkeyProcess

LATEST = 10**12
KEY = "medianest:test"


@pytest.fixture
def server(valkey: ValkeyProcess, open_redis: Callable[..., ServedRedis]) -> ServedRedis:
    return open_redis(valkey.url)


@pytest.fixture
def raw(valkey: ValkeyProcess) -> Iterator[Redis]:
    """What is really there."""
    with valkey.client() as client:
        yield client


def keep(
    server: ServedRedis,
    stamp: int,
    value: bytes = b"{}",
    *,
    ttl: float = 60.0,
    latest: int = LATEST,
) -> bool:
    return server.put(KEY, Stamped(stamp, value), ttl, latest=latest)


def test_what_is_put_is_read_back_until_its_time_is_over(server: ServedRedis, raw: Redis) -> None:
    assert server.get(KEY) is None
    assert keep(server, 1000, b'{"a": "b c"}', ttl=60.0)
    assert server.get(KEY) == Stamped(1000, b'{"a": "b c"}')
    assert 59_000 < raw.pttl(KEY) <= 60_000


def test_an_older_value_never_replaces_a_newer_one(server: ServedRedis) -> None:
    keep(server, 1000, b"newer")
    assert not keep(server, 999, b"older")
    assert not_none(server.get(KEY)).value == b"newer"
    assert keep(server, 1001, b"newest")
    assert not_none(server.get(KEY)).value == b"newest"


def test_many_writers_at_once_leave_the_newest(
    valkey: ValkeyProcess, open_redis: Callable[..., ServedRedis]
) -> None:
    others = [open_redis(valkey.url, timeout=10.0) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        for stamp in range(400, 0, -1):
            pool.submit(keep, others[stamp % 4], stamp, str(stamp).encode())
    assert others[0].get(KEY) == Stamped(400, b"400")


def test_a_value_from_a_wrong_clock_is_replaced(server: ServedRedis) -> None:
    """Keeps out: a host whose clock is a year ahead, and no answer kept until then."""
    keep(server, 5000, b"from the future")
    assert keep(server, 1000, b"now", latest=2000)
    assert not_none(server.get(KEY)).value == b"now"


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"12", b"9" * 30 + b" {}", b"-1 {}", b"\xff"])
def test_garbage_is_nothing_and_is_replaced(
    server: ServedRedis, raw: Redis, garbage: bytes
) -> None:
    raw.set(KEY, garbage)
    assert server.get(KEY) is None
    assert keep(server, 1)
    assert server.get(KEY) == Stamped(1, b"{}")


def test_a_key_of_another_type_is_refused_and_replaced(server: ServedRedis, raw: Redis) -> None:
    raw.lpush(KEY, "x")
    with pytest.raises(CacheRefusedError):
        server.get(KEY)
    assert keep(server, 1)
    assert server.get(KEY) == Stamped(1, b"{}")


def test_a_value_that_is_too_large_is_neither_fetched_nor_kept(
    server: ServedRedis, raw: Redis
) -> None:
    raw.set(KEY, b"1 " + b"x" * (MOST_BYTES + 100))
    before = raw.info("stats")["total_net_output_bytes"]
    assert server.get(KEY) is None
    assert raw.info("stats")["total_net_output_bytes"] - before < 100_000
    assert not keep(server, 2, b"x" * (MOST_BYTES + 1))
    assert keep(server, 3, b"x" * MOST_BYTES)
    assert server.get(KEY) == Stamped(3, b"x" * MOST_BYTES)


def test_of_a_shelf_the_oldest_go_whoever_writes(
    valkey: ValkeyProcess, open_redis: Callable[..., ServedRedis], raw: Redis
) -> None:
    """Keeps out: a client that pages through a library fills Redis."""
    workers = [open_redis(valkey.url) for _ in range(3)]
    shelf = Shelf("medianest:shelf", 10, 60.0)
    for number in range(1, 51):
        kept = Stamped(number, b"{}")
        assert workers[number % 3].put(f"key:{number}", kept, 60, latest=LATEST, shelf=shelf)
    left = {key.decode() for key in raw.scan_iter()}
    assert left == {"medianest:shelf", *(f"key:{number}" for number in range(41, 51))}
    assert 0 < raw.pttl("medianest:shelf") <= 60_000


def test_the_index_of_a_shelf_may_be_anything(server: ServedRedis, raw: Redis) -> None:
    shelf = Shelf("medianest:shelf", 2, 60.0)
    raw.set("medianest:shelf", "nonsense")
    for number in range(1, 6):
        server.put(f"key:{number}", Stamped(number, b"{}"), 60, latest=LATEST, shelf=shelf)
    assert raw.zcard("medianest:shelf") == 2
    raw.zadd("medianest:shelf", {f"from the future {n}": 10.0**15 for n in range(5)})
    server.put("key:6", Stamped(6, b"{}"), 60, latest=LATEST, shelf=shelf)
    assert server.get("key:6") == Stamped(6, b"{}")
    assert {b"key:5", b"key:6"} <= set(raw.scan_iter())


def test_nothing_is_opened_before_the_first_call(
    valkey: ValkeyProcess, open_redis: Callable[..., ServedRedis], raw: Redis
) -> None:
    before = raw.info("stats")["total_connections_received"]
    server = open_redis(valkey.url)
    assert raw.info("stats")["total_connections_received"] == before
    server.get(KEY)
    server.get(KEY)
    assert raw.info("stats")["total_connections_received"] == before + 1


def test_a_forked_child_has_connections_of_its_own(server: ServedRedis) -> None:
    """Keeps out: two processes that read each other's answers from one connection."""
    server.put("parent", Stamped(1, b"parent"), 60, latest=LATEST)
    server.put("child", Stamped(1, b"child"), 60, latest=LATEST)

    def reads(name: str) -> bool:
        return all(not_none(server.get(name)).value == name.encode() for _ in range(300))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other tests' threads do not matter
        child = os.fork()
    if child == 0:
        os._exit(0 if reads("child") else 1)
    assert reads("parent")
    assert os.waitpid(child, 0)[1] == 0


def test_all_threads_share_it(
    valkey: ValkeyProcess, open_redis: Callable[..., ServedRedis]
) -> None:
    server = open_redis(valkey.url, max_concurrent=16, timeout=10.0)
    keep(server, 1)
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: server.get(KEY), range(500)))
    assert found == {Stamped(1, b"{}")}


def test_it_is_found_by_its_name_by_its_socket_and_in_each_database(
    valkey: ValkeyProcess, open_redis: Callable[..., ServedRedis]
) -> None:
    port, path = valkey.port, valkey.socket
    assert keep(open_redis(f"redis://localhost:{port}/1"), 7)
    assert open_redis(f"unix://{path}?db=1").get(KEY) == Stamped(7, b"{}")
    assert open_redis(valkey.url).get(KEY) is None


def test_the_facts_say_how_it_is(server: ServedRedis, raw: Redis) -> None:
    raw.set("x", "y")
    facts = server.ping()
    assert facts.version == f"Valkey {raw.info('server')['valkey_version']}"
    assert facts.used_memory > 100_000
    assert (facts.max_memory, facts.keys) == (None, 1)
    assert 0 < facts.latency < 1


def test_the_facts_name_the_limit_of_the_memory(
    valkey: ValkeyProcess, open_redis: Callable[..., ServedRedis], raw: Redis
) -> None:
    raw.config_set("maxmemory", 50_000_000)
    try:
        assert open_redis(valkey.url).ping().max_memory == 50_000_000
    finally:
        raw.config_set("maxmemory", 0)


def test_a_ping_passes_an_open_breaker_and_a_full_bulkhead(
    valkey: ValkeyProcess, open_redis: Callable[..., ServedRedis]
) -> None:
    server = open_redis(valkey.url, max_concurrent=1)
    server.breaker.open("test")
    with pytest.raises(CircuitOpenError):
        server.get(KEY)
    server.bulkhead.call(lambda: server.ping())


def test_a_command_that_has_no_time_is_not_tried_and_counts_for_nothing(
    server: ServedRedis,
) -> None:
    """Keeps out: a request that is nearly over opens the breaker of a Redis that is well."""
    with Deadline(0.01).scope(), pytest.raises(DeadlineExceededError):
        server.get(KEY)
    assert server.breaker.snapshot().counts.failures == 0


def test_a_password_is_used_and_a_wrong_one_is_told_without_it(
    open_redis: Callable[..., ServedRedis], caplog: pytest.LogCaptureFixture
) -> None:
    locked = ValkeyProcess(password="s3cret")
    try:
        assert keep(open_redis(locked.url), 1)
        for url in (locked.url.replace("s3cret", "hunter2"), f"redis://127.0.0.1:{locked.port}"):
            server = open_redis(url)
            with pytest.raises(CacheUnavailableError, match="MEDIANEST_REDIS_URL") as caught:
                server.get(KEY)
            assert "hunter2" not in str(caught.value) + repr(server) + caplog.text
    finally:
        locked.stop()


def test_a_replica_can_be_read_and_refuses_to_be_written(
    valkey: ValkeyProcess, open_redis: Callable[..., ServedRedis]
) -> None:
    replica = ValkeyProcess(replicaof=f"127.0.0.1 {valkey.port}")
    try:
        server = open_redis(replica.url)
        for _ in range(5):
            with pytest.raises(CacheRefusedError, match="only be read"):
                keep(server, 1)
        assert server.get(KEY) is None
        assert server.breaker.snapshot().counts.failures == 0
    finally:
        replica.stop()


def test_a_full_server_can_be_read_and_refuses_to_be_written(
    open_redis: Callable[..., ServedRedis],
) -> None:
    full = ValkeyProcess(maxmemory="3mb", maxmemory_policy="noeviction")
    try:
        server = open_redis(full.url)
        keep(server, 1)

        def fill() -> None:
            for number in range(100):
                server.put(f"{number}", Stamped(1, b"x" * 100_000), 60, latest=LATEST)

        with pytest.raises(CacheRefusedError, match="full"):
            fill()
        assert server.get(KEY) == Stamped(1, b"{}")
        assert server.breaker.snapshot().counts.failures == 0
    finally:
        full.stop()
