"""The queue on both databases, with times that are easy to calculate with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from medianest.config import QueueSettings
from medianest.queue.admin import QueueAdmin
from medianest.queue.attempt import Attempts
from medianest.queue.pace import QueuePace
from medianest.queue.retry_policy import Handler
from medianest.queue.runner import QueueRunner
from medianest.queue.store import DeferredQueue
from medianest.resilience import CircuitBreaker, ManualClock, Registry
from medianest.resilience.cascade import CascadeMonitor
from tests.queue.by_hand import QueueByHand
from tests.queue.handling import PAYLOAD, Upstream
from tests.queue.making import SETTINGS, Doubts, LaneError, Service
from tests.storage.conftest import ServedDatabase, connect, database, url

__all__ = ["connect", "database", "url"]


@pytest.fixture
def settings() -> QueueSettings:
    """Times that are easy to calculate with."""
    return QueueSettings(
        lease=60,
        initial_delay=10,
        max_delay=100,
        max_attempts=3,
        give_up_after=3600,
        settle=40,
        keep=1000,
    )


@pytest.fixture
def queue(database: ServedDatabase, settings: QueueSettings, clock: ManualClock) -> QueueByHand:
    """The queue in that database."""
    return QueueByHand(database, settings, clock)


@pytest.fixture
def admin(database: ServedDatabase, settings: QueueSettings, clock: ManualClock) -> QueueAdmin:
    """What operators see of it."""
    return QueueAdmin(database, settings, clock)


@pytest.fixture
def runner(queue: DeferredQueue, settings: QueueSettings, database: ServedDatabase) -> QueueRunner:
    """What does it, without chance in its waits."""
    registry = database.service.registry
    return QueueRunner(queue, registry, settings, CascadeMonitor(registry), random=lambda: 1.0)


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def breaker(runner: QueueRunner) -> CircuitBreaker:
    return runner.registry.breaker(
        "svc",
        failure_threshold=2,
        counting="consecutive",
        jitter=0,
        reset_timeout=30,
        expected_errors=ConnectionError,
    )


@pytest.fixture
def handler(runner: QueueRunner, upstream: Upstream, breaker: CircuitBreaker) -> Handler:
    return runner.register(
        Handler(
            name="h",
            service="svc",
            execute=breaker(upstream.__call__),
            permanent=(LookupError,),
            outages=(ConnectionError,),
            uncertain=lambda error: isinstance(error, ConnectionAbortedError),
        )
    )


@pytest.fixture
def put(runner: QueueRunner, handler: Handler) -> Callable[..., list[str]]:
    def put_all(*keys: str) -> list[str]:
        return [runner.queue.enqueue("h", PAYLOAD, key).operation.id for key in keys]

    return put_all


@pytest.fixture
def service() -> Any:
    """Does and finds what a test says."""
    return Service()


@pytest.fixture
def doubts() -> Any:
    """Hears of outages for other processes."""
    return Doubts()


@pytest.fixture
def registry(clock: ManualClock) -> Registry:
    """On the manual clock."""
    return Registry(clock=clock)


@pytest.fixture
def attempts(registry: Registry, service: Any, doubts: Any) -> Any:
    """Attempts at that service, without a database and without chance in their waits."""
    made = Attempts(doubts, registry, SETTINGS, random=lambda: 1.0)
    made.handlers["h"] = Handler(
        name="h",
        service="svc",
        execute=service.execute,
        look=service.look,
        permanent=(LookupError,),
        outages=(ConnectionError,),
        lane_outages=(LaneError,),
        uncertain=lambda error: isinstance(error, ConnectionAbortedError),
    )
    made.paces["h"] = QueuePace(registry.clock, concurrency=1)
    return made


@pytest.fixture
def pace(attempts: Any) -> Any:
    """Theirs, with a batch of 8."""
    pace = attempts.paces["h"]
    pace.batch = 8
    return pace
