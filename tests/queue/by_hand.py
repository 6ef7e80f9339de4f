"""A queue from which operations are taken and settled one by one; the runner takes many at once."""

from __future__ import annotations

from typing import Any

from medianest.config import QueueSettings
from medianest.queue.operations import Lease
from medianest.queue.runner import QueueRunner
from medianest.queue.settlement import Settlement
from medianest.queue.store import DeferredQueue
from medianest.resilience import ManualClock
from medianest.storage.database import Database


class QueueByHand(DeferredQueue):
    """What settles an operation is false when its lease was over."""

    def __init__(self, database: Database, settings: QueueSettings, clock: ManualClock) -> None:
        super().__init__(database, settings, clock)
        self.clock = clock

    def claim(self, handler: str) -> Lease | None:
        """The oldest that is due."""
        return next(iter(self.claim_many(handler, 1)), None)

    def finish(self, lease: Lease, result: Any) -> bool:
        """It is done."""
        return bool(self.settle([Settlement.done(lease, result, self.clock.utc())]))

    def reschedule(
        self, lease: Lease, delay: float, error: BaseException | None = None, **how: bool
    ) -> bool:
        """It is tried again in `delay` seconds."""
        return bool(self.settle([Settlement.later(lease, self.clock.utc(), delay, error, **how)]))

    def release(self, lease: Lease) -> bool:
        """It was not tried."""
        return bool(self.settle([Settlement.untried(lease, self.clock.utc())]))

    def bury(self, lease: Lease, error: BaseException, **how: bool) -> bool:
        """It can never be done."""
        return bool(self.settle([Settlement.dead(lease, self.clock.utc(), error, **how)]))


def by_hand(runner: QueueRunner) -> QueueByHand:
    """The queue of a runner that was made with one."""
    assert isinstance(runner.queue, QueueByHand)
    return runner.queue
