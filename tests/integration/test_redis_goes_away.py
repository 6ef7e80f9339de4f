"""Redis that is frozen, killed or started again: left in time, told once, and used again."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from medianest.cache.redis import Stamped
from medianest.storage import CacheUnavailableError
from tests.cache.conftest import ServedRedis
from tests.integration.bounding import KEY, TIMEOUT, fails_in_time
from tests.support.valkey import ValkeyProcess
from tests.support.waiting import wait_until


@pytest.fixture
def own_valkey() -> Iterator[ValkeyProcess]:
    """A server that a test may freeze and kill."""
    server = ValkeyProcess()
    yield server
    server.stop()


def test_a_frozen_server_is_left_in_time_and_works_again_after_it(
    own_valkey: ValkeyProcess, open_redis: Callable[..., ServedRedis]
) -> None:
    server = open_redis(own_valkey.url, timeout=TIMEOUT, failure_threshold=100)
    server.put(KEY, Stamped(1, b"{}"), 60, latest=1)
    own_valkey.freeze()
    for _ in range(3):
        fails_in_time(lambda: server.get(KEY))
    own_valkey.thaw()
    assert server.get(KEY) == Stamped(1, b"{}")


def test_a_server_killed_while_all_wait_for_it_fails_them_and_serves_the_next(
    own_valkey: ValkeyProcess, open_redis: Callable[..., ServedRedis]
) -> None:
    server = open_redis(own_valkey.url, timeout=2.0, failure_threshold=100)
    server.get(KEY)
    own_valkey.freeze()
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(server.get, KEY) for _ in range(8)]
        wait_until(lambda: server.bulkhead.snapshot().in_use == 8)
        own_valkey.kill()
        errors = [type(call.exception(5)) for call in waiting]
    assert set(errors) == {CacheUnavailableError}
    own_valkey.start()
    assert server.get(KEY) is None


def test_idle_connections_of_a_server_that_was_restarted_cost_no_error(
    own_valkey: ValkeyProcess, open_redis: Callable[..., ServedRedis]
) -> None:
    server = open_redis(own_valkey.url, timeout=2.0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: server.get(KEY), range(50)))
        own_valkey.kill()
        own_valkey.start()
        assert set(pool.map(lambda _: server.get(KEY), range(50))) == {None}


def test_trouble_is_said_once_and_its_end_too(
    own_valkey: ValkeyProcess,
    open_redis: Callable[..., ServedRedis],
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = open_redis(own_valkey.url, timeout=TIMEOUT, failure_threshold=100)
    with caplog.at_level(logging.WARNING, logger="medianest.cache.redis"):
        server.get(KEY)
        own_valkey.kill()
        for _ in range(5):
            fails_in_time(lambda: server.get(KEY))
        own_valkey.start()
        for _ in range(3):
            server.get(KEY)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith("get: the cache cannot be reached")
    assert said[1] == "get: the cache works again"
