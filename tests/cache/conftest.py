"""Redis, as one process has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis

from medianest.cache.last_good import TieredLastGood
from medianest.cache.redis import RedisServer
from medianest.config import RedisSettings
from medianest.resilience import Bulkhead, CircuitBreaker, ManualClock, ResilienceService
from tests.cache.keeping import DAY, LIST, NAME
from tests.support.valkey import ValkeyProcess


class ServedRedis(RedisServer):
    """With what protects it at hand."""

    breaker: CircuitBreaker
    bulkhead: Bulkhead


@pytest.fixture
def open_redis() -> Iterator[Callable[..., ServedRedis]]:
    """`open_redis(url, **settings)` is what one process has; its clock is the real one."""
    made: list[ServedRedis] = []

    def open_one(url: str, **settings: Any) -> ServedRedis:
        service = ResilienceService()
        server = ServedRedis(url, RedisSettings(**settings), service, threads=16)
        server.breaker = service.registry.breaker("redis-cache")
        server.bulkhead = service.registry.bulkhead("redis-cache")
        made.append(server)
        return server

    yield open_one
    for server in made:
        server.close()


@pytest.fixture
def server(valkey: ValkeyProcess, open_redis: Callable[..., RedisServer]) -> RedisServer:
    return open_redis(valkey.url)


@pytest.fixture
def raw(valkey: ValkeyProcess) -> Iterator[Redis]:
    """What is really there."""
    with valkey.client() as client:
        yield client


@pytest.fixture
def worker(server: RedisServer, clock: ManualClock) -> Callable[..., TieredLastGood[Any]]:
    """`worker()` is the store of another worker, or of the same one after a restart."""

    def start(redis: RedisServer | None = server, **options: Any) -> TieredLastGood[Any]:
        given = {"accept": bool, "clock": clock, "redis": redis, **options}
        return TieredLastGood(NAME, DAY, LIST, **given)

    return start
