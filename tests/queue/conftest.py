"""The queue on both databases, with times that are easy to calculate with."""

from __future__ import annotations

import pytest

from medianest.config import QueueSettings
from medianest.queue.admin import QueueAdmin
from medianest.queue.runner import QueueRunner
from medianest.queue.store import DeferredQueue
from medianest.resilience import ManualClock
from medianest.resilience.cascade import CascadeMonitor
from tests.queue.by_hand import QueueByHand
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
