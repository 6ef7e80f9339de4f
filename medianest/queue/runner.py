"""Doing deferred operations: several at once, the oldest first, only while their service is well,
and never one twice of which it is not known what came of it."""

from __future__ import annotations

import logging
import random as _random
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ALL_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

from medianest.config import QueueSettings
from medianest.queue.attempt import Attempts, Ended
from medianest.queue.operations import Lease
from medianest.queue.pace import QueuePace
from medianest.queue.retry_policy import Handler
from medianest.queue.settlement import Settlement
from medianest.queue.store import DeferredQueue
from medianest.resilience import (
    CallRefusedError,
    Registry,
    State,
)
from medianest.resilience.cascade import CascadeMonitor, Work
from medianest.resilience.counted import counted
from medianest.resilience.errors import in_seconds
from medianest.storage.errors import StorageError

__all__ = ["Handler", "QueueRunner"]

logger = logging.getLogger(__name__)

_LEASE_SHARE = 0.8
"""Share of a lease after which its handler has no time left; what remains is for saying so."""

_MOST_LATE = 200

_BRING_BACK_SECONDS = 30.0
"""How often to look for what a clock that was set back would keep waiting."""

_NOTE_SECONDS = 0.02
"""How often what was done is noted while more is under way: one commit for all of it."""


@dataclass
class QueueRunner:
    """Does what is due. `run_due` of different handlers may run at once, of one handler once at a
    time in a process; other processes do the same meanwhile.
    """

    queue: DeferredQueue
    registry: Registry
    settings: QueueSettings
    cascade: CascadeMonitor
    random: Callable[[], float] = _random.random
    _late: deque[Settlement] = field(default_factory=lambda: deque(maxlen=10_000))

    def __post_init__(self) -> None:
        self._attempts = Attempts(self.queue, self.registry, self.settings, self.random)

    def register(self, handler: Handler) -> Handler:
        """Add a handler; another of the same name is replaced."""
        self._attempts.handlers[handler.name] = handler
        self._attempts.paces[handler.name] = QueuePace(self.registry.clock, handler.concurrency)
        return handler

    @property
    def handlers(self) -> tuple[Handler, ...]:
        """All of them."""
        return tuple(self._attempts.handlers.values())

    def run_due(self, name: str, *, until: Callable[[], bool] = lambda: False) -> int:
        """Do what is due for a handler until nothing is, its service is unwell, or `until()`; how
        many were tried. Raises the errors of medianest.storage.errors."""
        handler, pace, tried = self._attempts.handlers[name], self._attempts.paces[name], 0
        self.settle_late()
        if self.registry.clock.now() - pace.brought_back_at >= _BRING_BACK_SECONDS:
            pace.brought_back_at = self.registry.clock.now()
            if number := self.queue.bring_back(name):
                many = counted(number, "operation was", "operations were")
                logger.warning("the clock was set back: %s written later than now", many)
        with _threads(handler.concurrency) as pool:
            while not until() and self.blocked_reason(handler) is None:
                leases = self.queue.claim_many(
                    name, pace.batch, held_lanes=pace.held_lanes(), rather_not=pace.failed_last
                )
                if not leases:
                    break
                began = self.registry.clock.now()
                ended = self._run_batch(handler, leases, pool, until)
                tried += sum(each.tried for each in ended)
                if not all(each.go_on for each in ended):
                    break
                pace.adapt(self.registry.clock.now() - began, well=all(e.well for e in ended))
        return tried

    def blocked_reason(self, handler: Handler) -> str | None:
        """Why nothing is done for a handler now, or None."""
        held = self._attempts.paces[handler.name].hold_until - self.registry.clock.now()
        if held > 0:
            return f"the last operation failed at {handler.service}; retrying in {in_seconds(held)}"
        if self._is_optional(handler) and (why := self.cascade.why_suspended(Work.OPTIONAL)):
            return why
        for name in handler.breaker_names:
            breaker = self.registry.find_breaker(name)
            if breaker is not None and breaker.state in (State.OPEN, State.FORCED_OPEN):
                if wait := breaker.snapshot().retry_after:
                    return f"{name} is blocked by its circuit breaker for {in_seconds(wait)}"
                if breaker.state is State.FORCED_OPEN:
                    return f"{name} is blocked: an operator has opened its circuit breaker"
        return None

    # -- attempts ------------------------------------------------------------------------------

    def _run_batch(
        self,
        handler: Handler,
        leases: list[Lease],
        pool: Callable[[], ThreadPoolExecutor],
        until: Callable[[], bool],
    ) -> list[Ended]:
        """Do all of them, several at once. When one says that others should not be done now, those
        that have not begun go back to their places."""
        stopped: list[bool] = []
        clock, share = self.registry.clock, self.settings.lease * _LEASE_SHARE
        expires_at, pace = clock.now() + share, self._attempts.paces[handler.name]

        def attempt(lease: Lease) -> Ended:
            left, stop = expires_at - clock.now(), bool(stopped) or until()
            if stop or left < share / 2 or lease.operation.lane in pace.held_lanes():
                return Ended.untried(lease, clock.utc(), go_on=not stop)
            ended = self._attempts.attempt(lease, left)
            if not ended.go_on:
                stopped.append(True)
            return ended

        if len(leases) == 1 or handler.concurrency == 1:
            found = [attempt(lease) for lease in leases]
            self._note(found)
            return found
        pending = {pool().submit(copy_context().run, attempt, lease) for lease in leases}
        return self._gathered(pending)

    def _gathered(self, pending: set[Future[Ended]]) -> list[Ended]:
        """All of them, each noted soon after it ended."""
        found: list[Ended] = []
        while pending:
            done, pending = wait(pending, _NOTE_SECONDS, return_when=ALL_COMPLETED)
            fresh = [future.result() for future in done]
            self._note(fresh)
            found += fresh
        return found

    def _note(self, ended: list[Ended]) -> None:
        self._settle([each.settlement for each in ended])

    # -- attempts that others make -------------------------------------------------------------

    def note_success(self, lease: Lease, result: Any) -> None:
        """An operation is done. When that cannot be written now, it is in doubt when its lease is
        over."""
        handler = self._attempts.handlers[lease.operation.handler]
        self._note([self._attempts.succeeded(handler, lease, result)])

    def note_failure(self, lease: Lease, error: Exception) -> bool:
        """An operation failed: have it done later, or never. Whether others may be done now."""
        ended = self._attempts.failed(
            self._attempts.handlers[lease.operation.handler], lease, error
        )
        self._note([ended])
        return ended.go_on

    def _settle(self, settlements: list[Settlement]) -> None:
        """What cannot be settled now is settled with the next run; if this process ends before
        that, the lease runs out, and it is looked for."""
        try:
            self.queue.settle(settlements)
        except (StorageError, CallRefusedError) as fault:
            many = counted(len(settlements), "operation is", "operations are")
            logger.info("%s settled later: %s", many, fault)
            self._late.extend(settlements)

    def settle_late(self) -> None:
        """Settle what could not be settled before. Raises StorageError."""
        while self._late:
            some = [self._late[n] for n in range(min(_MOST_LATE, len(self._late)))]
            self.queue.settle(some)
            for _ in some:
                self._late.popleft()

    def _is_optional(self, handler: Handler) -> bool:
        for dependency in self.registry.dependencies():
            if dependency.name == handler.service:
                return dependency.criticality == "optional"
        return False


@contextmanager
def _threads(most: int) -> Iterator[Callable[[], ThreadPoolExecutor]]:
    """A pool that begins with its first use, and ends with the block."""
    pools: list[ThreadPoolExecutor] = []

    def pool() -> ThreadPoolExecutor:
        if not pools:
            pools.append(ThreadPoolExecutor(most, thread_name_prefix="queue"))
        return pools[0]

    try:
        yield pool
    finally:
        for made in pools:
            made.shutdown(wait=True, cancel_futures=False)
