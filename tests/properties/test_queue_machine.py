"""The queue against a plain model: any order of keeping, claiming, settling, crashing, waiting."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, delete

from medianest.config import DatabaseSettings, QueueSettings
from medianest.queue.admin import QueueAdmin
from medianest.queue.errors import IdempotencyError, OperationConflictError
from medianest.queue.operations import Lease
from medianest.resilience import ManualClock, ResilienceService
from medianest.storage.database import Database
from medianest.storage.tables import deferred_operations, idempotency_keys
from tests.queue.by_hand import QueueByHand

pytestmark = pytest.mark.slow


LEASE = 60.0
KEYS = st.sampled_from(["a", "b", "c"])
CLIENT_KEYS = st.sampled_from([None, None, "k1", "k2"])


@dataclass
class Known:
    """What the model knows of one operation."""

    key: str
    state: str
    run_at: float
    order: int
    attempts: int = 0
    failures: int = 0
    lease: str | None = None

    @property
    def active(self) -> bool:
        return self.state in ("pending", "running")


class QueueMachine(RuleBasedStateMachine):
    """One database for all runs, emptied for each."""

    database: ClassVar[Database]
    clock: ClassVar[ManualClock]

    @initialize()
    def begin(self) -> None:
        cls = type(self)
        if not hasattr(cls, "database"):
            cls.clock = ManualClock()
            folder = Path(tempfile.mkdtemp(prefix="medianest-queue-"))
            service = ResilienceService(clock=cls.clock)
            url = f"sqlite:///{folder / 'queue.db'}"
            cls.database = Database(url, DatabaseSettings(), service, threads=2)
            cls.database.upgrade()
        for table in (deferred_operations, idempotency_keys):
            self.database.write(partial(Connection.execute, statement=delete(table)))
        options = QueueSettings(lease=LEASE)
        self.queue = QueueByHand(self.database, options, self.clock)
        self.queue_admin = QueueAdmin(self.database, options, self.clock)
        self.known: dict[str, Known] = {}
        self.clients: dict[str, tuple[str, str]] = {}
        self.leases: list[Lease] = []
        self.made = 0

    # -- what happens --------------------------------------------------------------------------

    @rule(key=KEYS, client=CLIENT_KEYS, leased=st.booleans(), delay=st.sampled_from([0, 5]))
    def enqueue(self, key: str, client: str | None, leased: bool, delay: int) -> None:
        options: dict[str, Any] = {"client_key": client, "leased": leased, "delay": delay}

        def put() -> Any:
            return self.queue.enqueue("h", {"key": key}, key, fingerprint=key, **options)

        if client in self.clients:
            operation_id, fingerprint = self.clients[client]
            if fingerprint != key:
                try:
                    put()
                except IdempotencyError:
                    return
                raise AssertionError("another request with a known key was let in")
            if operation_id in self.known:
                assert put().operation.id == operation_id
                return
        active = next((i for i, k in self.known.items() if k.key == key and k.active), None)
        accepted = put()
        assert accepted.created is (active is None)
        if active is not None:
            assert accepted.operation.id == active
        else:
            self.made += 1
            now = self.clock.now()
            state = "running" if leased else "pending"
            run_at = now + LEASE if leased else now + delay
            self.known[accepted.operation.id] = Known(key, state, run_at, self.made, int(leased))
            if accepted.lease is not None:
                self.known[accepted.operation.id].lease = accepted.lease.token
                self.leases.append(accepted.lease)
        if client is not None:
            self.clients[client] = (accepted.operation.id, key)

    @rule()
    def claim(self) -> None:
        due = [
            known.order
            for known in self.known.values()
            if known.active and known.run_at <= self.clock.now()
        ]
        lease = self.queue.claim("h")
        assert (lease is None) is (not due)
        if lease is None:
            return
        known = self.known[lease.operation.id]
        assert known.order == min(due)
        known.state, known.lease = "running", lease.token
        known.run_at, known.attempts = self.clock.now() + LEASE, known.attempts + 1
        self.leases.append(lease)

    @precondition(lambda self: self.leases)
    @rule(
        which=st.integers(0, 100),
        how=st.sampled_from(["finish", "reschedule", "own", "release", "bury", "crash"]),
    )
    def settle(self, which: int, how: str) -> None:
        lease = self.leases.pop(which % len(self.leases))
        if how == "crash":
            return
        known = self.known.get(lease.operation.id)
        held = known is not None and known.lease == lease.token
        done = {
            "finish": lambda: self.queue.finish(lease, "ok"),
            "reschedule": lambda: self.queue.reschedule(lease, 7),
            "own": lambda: self.queue.reschedule(lease, 7, ValueError(), own=True),
            "release": lambda: self.queue.release(lease),
            "bury": lambda: self.queue.bury(lease, ValueError()),
        }[how]()
        assert done is held
        if known is None or not held:
            return
        known.lease = None
        known.state = {"finish": "done", "bury": "dead"}.get(how, "pending")
        known.failures += how in ("own", "bury")
        known.attempts -= how == "release"
        if known.state == "pending":
            known.run_at = self.clock.now() + (0 if how == "release" else 7)

    @rule(seconds=st.sampled_from([1, 5, 7, 61]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @precondition(lambda self: self.known)
    @rule(which=st.integers(0, 100), retry=st.booleans())
    def operate(self, which: int, retry: bool) -> None:
        operation_id = list(self.known)[which % len(self.known)]
        known = self.known[operation_id]
        twin = any(
            other is not known and other.key == known.key and other.active
            for other in self.known.values()
        )
        running = known.state == "running" and known.run_at > self.clock.now()
        refused = running or (retry and (known.state == "done" or twin))
        try:
            (self.queue_admin.retry if retry else self.queue_admin.drop)(operation_id)
        except OperationConflictError:
            assert refused
            return
        assert not refused
        if retry:
            known.state, known.failures, known.run_at = "pending", 0, self.clock.now()
            known.lease, known.attempts = None, 0
        else:
            del self.known[operation_id]
            self.clients = {c: v for c, v in self.clients.items() if v[0] != operation_id}

    # -- what must hold ------------------------------------------------------------------------

    @invariant()
    def nothing_is_lost_and_nothing_invented(self) -> None:
        if not hasattr(self, "known"):
            return
        seen = {operation.id: operation for operation in self.queue_admin.page(limit=200)[0]}
        now = self.clock.utc()
        assert {i: (o.state_at(now), o.attempts, o.failures) for i, o in seen.items()} == {
            i: (self.state_of(k), k.attempts, k.failures) for i, k in self.known.items()
        }

    def state_of(self, known: Known) -> str:
        """One whose lease is over waits again."""
        over = known.state == "running" and known.run_at <= self.clock.now()
        return "pending" if over else known.state


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
