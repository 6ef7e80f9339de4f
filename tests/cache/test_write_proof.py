"""Whether a cache that can be read can also be written, as its check sees."""

from collections.abc import Callable, Iterator

import pytest

from medianest.cache.redis import RedisServer
from medianest.dependencies.checks import CacheCheck
from medianest.health import Status
from tests.support.valkey import ValkeyProcess
from tests.support.waiting import wait_until


def test_a_cache_that_takes_what_it_is_given_is_well(
    valkey: ValkeyProcess, open_redis: Callable[..., RedisServer]
) -> None:
    assert CacheCheck(open_redis(valkey.url))().status is Status.HEALTHY


@pytest.fixture(scope="module")
def own_valkey() -> Iterator[ValkeyProcess]:
    server = ValkeyProcess()
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("name", "value", "usual", "why"),
    [
        ("maxmemory", "1", "0", "the cache is full"),
        ("min-replicas-to-write", "1", "0", "the cache refused the command"),
    ],
)
def test_a_cache_that_refuses_writes_is_degraded(
    own_valkey: ValkeyProcess,
    open_redis: Callable[..., RedisServer],
    name: str,
    value: str,
    usual: str,
    why: str,
) -> None:
    check = CacheCheck(open_redis(own_valkey.url))
    with own_valkey.client() as client:
        client.config_set(name, value)
        found = check()
        assert found.status is Status.DEGRADED
        assert found.message == f"it does not accept writes: {why}"
        client.config_set(name, usual)
        assert check().status is Status.HEALTHY


def test_a_replica_of_the_cache_is_degraded(
    own_valkey: ValkeyProcess, open_redis: Callable[..., RedisServer]
) -> None:
    check = CacheCheck(open_redis(own_valkey.url))
    with own_valkey.client() as client:
        client.replicaof("127.0.0.1", 1)
        assert check().message == "it does not accept writes: the cache may only be read"
        client.replicaof("NO", "ONE")
        assert check().status is Status.HEALTHY


def test_a_cache_whose_disk_fails_is_degraded(open_redis: Callable[..., RedisServer]) -> None:
    server = ValkeyProcess(save="3600 1")
    check = CacheCheck(open_redis(server.url))
    with server.client() as client:
        assert check().status is Status.HEALTHY
        server.lose_disk()
        client.bgsave()
        wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
        assert check().message == "it does not accept writes: the cache cannot write to its disk"
    server.stop()
