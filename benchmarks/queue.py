"""How many operations a second the queue takes and does, on SQLite, with every commit durable."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlalchemy import Connection, insert

from medianest.config import DatabaseSettings, QueueSettings
from medianest.queue.runner import Handler, QueueRunner
from medianest.queue.store import DeferredQueue
from medianest.resilience import ResilienceService
from medianest.resilience.cascade import CascadeMonitor
from medianest.storage.database import Database
from medianest.storage.tables import deferred_operations as table

__all__ = ["FEW", "MANY", "Rate", "among", "rates"]

ROUNDS, OPERATIONS, THREADS = 5, 400, 8
FEW, MANY = 100, 100_000
SOME = 640
"""Operations that are done of many."""


@dataclass(frozen=True)
class Rate:
    """Operations a second: the median of some rounds, and the slowest."""

    what: str
    median: float
    least: float


def among(number: int) -> str:
    """The name of the rate of doing operations while so many wait."""
    return f"done, {number:,} waiting"


class Bench:
    """A queue in a file of its own, and a handler that does nothing but count."""

    def __init__(self, file: str) -> None:
        self.service = ResilienceService()
        clock, settings = (
            self.service.registry.clock,
            QueueSettings(max_operations=10**9, max_operations_per_client=10**9),
        )
        self.database = Database(f"sqlite:///{file}", DatabaseSettings(), self.service, threads=16)
        self.database.upgrade()
        self.queue = DeferredQueue(self.database, settings, clock)
        registry = self.service.registry
        self.runner = QueueRunner(self.queue, registry, settings, CascadeMonitor(registry))
        self.runner.register(Handler(name="h", service="svc", execute=self._count))
        self.done = 0
        self._numbers = count()

    def _count(self, payload: Any) -> None:
        self.done += 1

    def enqueue(self, _: int = 0) -> None:
        """Keep one more."""
        number = next(self._numbers)
        self.queue.enqueue("h", {"media_id": number}, str(number), requested_by=str(number % 50))

    def fill(self, most: int) -> None:
        """Keep so many more, at once."""
        lease = self.queue.enqueue("h", {"media_id": 0}, f"pattern {next(self._numbers)}")

        def put(connection: Connection) -> None:
            row = {
                **{name: getattr(lease.operation, name) for name in _COPIED},
                "state": "pending",
                "due": 1,
                "occupies": 0,
            }
            numbers = [next(self._numbers) for _ in range(most - 1)]
            rows = [row | {"id": f"{n:032x}", "idempotency_key": str(n)} for n in numbers]
            connection.execute(insert(table), rows)

        self.database.write(put)

    def do(self, most: int) -> float:
        """Do so many; how many a second."""
        before, began = self.done, time.perf_counter()
        self.runner.run_due("h", until=lambda: self.done - before >= most)
        return (self.done - before) / (time.perf_counter() - began)


_COPIED = (
    *("handler", "payload", "attempts", "failures", "run_at", "shared", "since"),
    *("created_at", "updated_at"),
)


def rates() -> list[Rate]:
    """Enqueueing by one thread and by several and doing them, in turn; then doing them while few
    and while very many wait."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(f"{folder}/bench.db")

        def one_by_one() -> None:
            for _ in range(OPERATIONS):
                bench.enqueue()

        def at_once() -> None:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(bench.enqueue, range(OPERATIONS)))

        for _ in range(ROUNDS):
            _note(found, "enqueued, one thread", one_by_one, OPERATIONS)
            _note(found, f"enqueued, {THREADS} threads", at_once, OPERATIONS)
            _note(found, "done", lambda: bench.do(2 * OPERATIONS), 2 * OPERATIONS)
        bench.database.close()
        _among(f"{folder}/few.db", f"{folder}/many.db", found)
    return [Rate(what, statistics.median(each), min(each)) for what, each in found.items()]


def _among(few_file: str, many_file: str, found: dict[str, list[float]]) -> None:
    """In turn, so that what else the machine does costs both."""
    few, many = Bench(few_file), Bench(many_file)
    many.fill(MANY)
    for bench in (few, many):  # a queue begins gently: that is not what is measured
        bench.fill(SOME)
        bench.do(SOME)
    for _ in range(2 * ROUNDS):
        few_rates = []
        for _ in range(SOME // FEW):
            few.fill(FEW)
            few_rates.append(few.do(FEW))
        found.setdefault(among(FEW), []).append(statistics.median(few_rates))
        found.setdefault(among(MANY), []).append(many.do(SOME))
        many.fill(SOME)
    few.database.close()
    many.database.close()


def _note(found: dict[str, list[float]], what: str, job: Callable[[], object], number: int) -> None:
    began = time.perf_counter()
    job()
    found.setdefault(what, []).append(number / (time.perf_counter() - began))
