"""How many operations a second the queue takes and does, on SQLite, with every commit durable."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

from medianest.config import DatabaseSettings, QueueSettings
from medianest.queue.runner import Handler, QueueRunner
from medianest.queue.store import DeferredQueue
from medianest.resilience import ResilienceService
from medianest.resilience.cascade import CascadeMonitor
from medianest.storage import Database

__all__ = ["Rate", "rates"]

ROUNDS, OPERATIONS, THREADS = 5, 400, 8


@dataclass(frozen=True)
class Rate:
    """Operations a second: the median of some rounds, and the slowest."""

    what: str
    median: float
    least: float


def rates() -> list[Rate]:
    """Enqueueing by one thread, by several, and draining, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        service = ResilienceService()
        database = Database(f"sqlite:///{folder}/bench.db", DatabaseSettings(), service, threads=16)
        database.upgrade()
        queue = DeferredQueue(database, QueueSettings(), service.registry.clock)
        drainer = QueueRunner(
            queue, service.registry, QueueSettings(), CascadeMonitor(service.registry)
        )
        drainer.register(Handler(name="h", service="svc", execute=lambda payload: None))
        numbers = count()

        def enqueue(_: int = 0) -> None:
            number = next(numbers)
            queue.enqueue("h", {"media_id": number}, str(number))

        def one_by_one() -> None:
            for _ in range(OPERATIONS):
                enqueue()

        def at_once() -> None:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(enqueue, range(OPERATIONS)))

        def drain() -> None:
            drainer.run_due("h")

        found: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            _note(found, "enqueued, one thread", one_by_one, OPERATIONS)
            _note(found, f"enqueued, {THREADS} threads", at_once, OPERATIONS)
            _note(found, "drained", drain, 2 * OPERATIONS)
        database.close()
    return [Rate(what, statistics.median(each), min(each)) for what, each in found.items()]


def _note(found: dict[str, list[float]], what: str, job: Callable[[], None], number: int) -> None:
    began = time.perf_counter()
    job()
    found.setdefault(what, []).append(number / (time.perf_counter() - began))
