"""The queue of a process: operations that are kept, done when they are due, and looked after."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from medianest.config import QueueSettings
from medianest.jobs import Job
from medianest.queue.admin import QueueAdmin
from medianest.queue.defer import queue_for_later
from medianest.queue.runner import QueueRunner
from medianest.queue.store import DeferredQueue
from medianest.resilience import ResilienceService
from medianest.resilience.cascade import CascadeMonitor
from medianest.storage.database import Database

__all__ = ["Queue"]

_PRUNE_SECONDS, _PRUNE_FIRST = 3600.0, 60.0


class Queue:
    """Everything of the queue. Whatever defers operations registers its handler with `runner`."""

    def __init__(
        self,
        settings: QueueSettings,
        service: ResilienceService,
        database: Database,
        cascade: CascadeMonitor,
    ) -> None:
        clock = service.registry.clock
        self._interval = settings.interval
        self.store = DeferredQueue(database, settings, clock)
        self.runner = QueueRunner(self.store, service.registry, settings, cascade)
        self.admin = QueueAdmin(database, settings, clock)
        service.recovery.register_recovery_action(queue_for_later(self.runner))

    def jobs(self, is_ending: Callable[[], bool]) -> list[Job]:
        """What is done beside the requests; from when on it `is_ending`, nothing new is begun."""
        pruning = Job(
            name="prune the queue",
            run=self.admin.prune,
            every=_PRUNE_SECONDS,
            first=_PRUNE_FIRST,
            needs_tables=True,
        )
        running = (
            Job(
                name=f"run {handler.name}",
                run=partial(self.runner.run_due, handler.name, until=is_ending),
                every=self._interval,
                needs_tables=True,
            )
            for handler in self.runner.handlers
        )
        return [pruning, *running]
