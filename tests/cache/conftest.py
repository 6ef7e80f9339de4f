"""Redis, as one process has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from medianest.cache.redis import RedisServer
from medianest.config import RedisSettings
from medianest.resilience import Bulkhead, CircuitBreaker, ResilienceService


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
