"""Exactly once, at a server that never times out, does not notice who left, and never refuses a
second request: whatever is lost, however long its source stalls, wherever a process dies."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import delete, select

from medianest.config import DatabaseSettings, QueueSettings
from medianest.queue.operations import Lease
from medianest.queue.runner import Handler, QueueRunner
from medianest.queue.store import DeferredQueue
from medianest.resilience import ManualClock, ResilienceService
from medianest.resilience.cascade import CascadeMonitor
from medianest.storage.database import Database
from medianest.storage.tables import ACTIVE, deferred_operations, idempotency_keys

pytestmark = pytest.mark.slow


SETTLE, LEASE = 120.0, 60.0
TITLES = st.integers(1, 4)


class Crash(BaseException):
    """The process dies here."""


class OutageError(Exception):
    """The source does not answer, or the connection broke."""


class Server:
    """Makes a request for each POST that reaches it, at once or when its source answers again."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.made: Counter[int] = Counter()
        self.source_stalls = False
        self.loses_answers = False
        self.breaks_before = False
        self.waiting: list[int] = []
        self.ending: list[tuple[float, int]] = []

    def post(self, title: int) -> dict[str, Any]:
        self.pass_time()
        if self.breaks_before:
            raise OutageError
        if self.source_stalls:
            self.waiting.append(title)
            raise OutageError
        self.made[title] += 1
        if self.loses_answers:
            raise OutageError
        return {"request_id": title}

    def look(self, title: int) -> dict[str, Any] | None:
        self.pass_time()
        if self.source_stalls or self.breaks_before:
            raise OutageError
        return {"request_id": title} if self.made[title] else None

    def source_returns(self, within: float) -> None:
        """What waits is made soon, but not at once."""
        self.source_stalls = False
        self.ending += [(self.clock.now() + within, title) for title in self.waiting]
        self.waiting.clear()

    def pass_time(self) -> None:
        for ends, title in list(self.ending):
            if ends <= self.clock.now():
                self.made[title] += 1
                self.ending.remove((ends, title))


class Mortal(Database):
    """Dies at the chosen one of its next transactions: before it, or after its commit."""

    dies_in: int | None = None
    commits_first = False

    def write(self, operation: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if self.dies_in is None:
            return super().write(operation, *args, **kwargs)
        self.dies_in -= 1
        if self.dies_in >= 0:
            return super().write(operation, *args, **kwargs)
        self.dies_in = None
        if self.commits_first:
            super().write(operation, *args, **kwargs)
        raise Crash


class ExactlyOnce(RuleBasedStateMachine):
    """One database for all runs, emptied for each."""

    database: ClassVar[Mortal]
    clock: ClassVar[ManualClock]

    @initialize()
    def begin(self) -> None:
        cls = type(self)
        if not hasattr(cls, "database"):
            cls.clock = ManualClock()
            folder = Path(tempfile.mkdtemp(prefix="medianest-once-"))
            url = f"sqlite:///{folder / 'queue.db'}"
            service = ResilienceService(clock=cls.clock)
            cls.database = Mortal(url, DatabaseSettings(), service, threads=2)
            cls.database.upgrade()
        self.database.dies_in = None
        for table in (deferred_operations, idempotency_keys):
            self.database.write(lambda connection, table=table: connection.execute(delete(table)))
        self.server = Server(self.clock)
        self.asked: set[int] = set()
        self.accepted: set[int] = set()
        self.start_process()

    def start_process(self) -> None:
        """A process knows what is in the database, and nothing else."""
        options = QueueSettings(lease=LEASE, settle=SETTLE, initial_delay=2.0)
        registry = ResilienceService(clock=self.clock).registry
        self.queue = DeferredQueue(self.database, options, self.clock)
        self.runner = QueueRunner(self.queue, registry, options, CascadeMonitor(registry))
        self.runner.register(
            Handler(
                name="h",
                service="svc",
                execute=lambda payload: self.server.post(payload["title"]),
                look=lambda payload, since: self.server.look(payload["title"]),
                outages=(OutageError,),
                uncertain=lambda error: True,
            )
        )

    @contextmanager
    def mortal(self, dies_in: int | None, commits_first: bool) -> Iterator[None]:
        self.database.dies_in, self.database.commits_first = dies_in, commits_first
        try:
            yield
        except Crash:
            self.start_process()
        finally:
            self.database.dies_in = None

    # -- what happens --------------------------------------------------------------------------

    @rule(
        title=TITLES,
        key=st.sampled_from(["a", "b"]),
        leased=st.booleans(),
        dies_in=st.sampled_from([None, None, 0, 1]),
        commits_first=st.booleans(),
    )
    def somebody_asks(
        self, title: int, key: str, leased: bool, dies_in: int | None, commits_first: bool
    ) -> None:
        if title in self.asked:
            return  # what is asked for again after it was made is another story: 409
        self.asked.add(title)
        with self.mortal(dies_in, commits_first):
            accepted = self.queue.enqueue(
                "h", {"title": title}, f"{title}:{key}", subject=str(title), leased=leased
            )
            self.accepted.add(title)
            if accepted.lease is not None:
                self.try_at_once(accepted.lease)

    def try_at_once(self, lease: Lease) -> None:
        try:
            result = self.server.post(lease.operation.payload["title"])
        except OutageError as error:
            self.runner.note_failure(lease, error)
        else:
            self.runner.note_success(lease, result)

    @rule(dies_in=st.sampled_from([None, None, 0, 1, 2, 3]), commits_first=st.booleans())
    def the_queue_runs(self, dies_in: int | None, commits_first: bool) -> None:
        with self.mortal(dies_in, commits_first):
            self.runner.run_due("h")

    @rule()
    def the_process_is_started_anew(self) -> None:
        self.start_process()

    @rule(seconds=st.sampled_from([1, 5, 31, 61, 121, 400]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.server.pass_time()

    @rule(within=st.floats(0, SETTLE - 1))
    def the_source_answers_again(self, within: float) -> None:
        self.server.source_returns(within)

    @rule()
    def the_source_stalls(self) -> None:
        self.server.source_stalls = True

    @rule(loses=st.booleans(), breaks=st.booleans())
    def the_network(self, loses: bool, breaks: bool) -> None:
        self.server.loses_answers, self.server.breaks_before = loses, breaks

    # -- what must hold ------------------------------------------------------------------------

    @invariant()
    def nothing_is_made_twice(self) -> None:
        if hasattr(self, "server"):
            assert max(self.server.made.values(), default=0) <= 1

    def nothing_waits(self) -> bool:
        """Here, or at the server."""
        waits = select(deferred_operations).where(ACTIVE)
        left = self.database.read(lambda connection: connection.execute(waits).first())
        return left is None and not self.server.ending

    def teardown(self) -> None:
        """When all is well for long enough, all that was accepted is made."""
        if not hasattr(self, "server"):
            return
        self.server.loses_answers = self.server.breaks_before = False
        self.server.source_returns(1.0)
        for _ in range(40):
            if self.nothing_waits():
                break
            self.clock.advance(31)
            self.server.pass_time()
            self.runner.run_due("h")
        self.nothing_is_made_twice()
        made = set(self.server.made)
        assert self.accepted <= made <= self.asked


TestExactlyOnce = ExactlyOnce.TestCase
TestExactlyOnce.settings = settings(
    max_examples=70,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
