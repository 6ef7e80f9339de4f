"""Doing deferred operations: several at once, the oldest first, only while their service is well,
and never one twice of which it is not known what came of it."""

from __future__ import annotations

import json
import logging
import random as _random
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ALL_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from medianest.config import QueueSettings
from medianest.queue.operations import Lease
from medianest.queue.pace import Pace
from medianest.queue.retry_policy import Decision, Handler, decide
from medianest.queue.settlement import Settlement
from medianest.queue.store import DeferredQueue
from medianest.resilience import (
    CallRefusedError,
    CircuitOpenError,
    Deadline,
    DeadlineExceededError,
    Registry,
    State,
)
from medianest.resilience.cascade import CascadeMonitor, Work
from medianest.storage.errors import StorageError

__all__ = ["Handler", "QueueRunner"]

logger = logging.getLogger(__name__)

_LEASE_SHARE = 0.8
"""Share of a lease after which its handler has no time left; what remains is for saying so."""

_MOST_LATE = 200

_NOTE_SECONDS = 0.02
"""How often what was done is noted while more is under way: one commit for all of it."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """An attempt is over: how to note that, and whether others may be done now."""

    settlement: Settlement
    go_on: bool = True
    well: bool = False


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
    _handlers: dict[str, Handler] = field(default_factory=dict)
    _paces: dict[str, Pace] = field(default_factory=dict)
    _late: deque[Settlement] = field(default_factory=lambda: deque(maxlen=10_000))

    def register(self, handler: Handler) -> Handler:
        """Add a handler; another of the same name is replaced."""
        self._handlers[handler.name] = handler
        self._paces[handler.name] = Pace(self.registry.clock, handler.concurrency)
        return handler

    @property
    def handlers(self) -> tuple[Handler, ...]:
        """All of them."""
        return tuple(self._handlers.values())

    def run_due(self, name: str, *, until: Callable[[], bool] = lambda: False) -> int:
        """Do what is due for a handler until nothing is, its service is unwell, or `until()`; how
        many were settled. Raises the errors of medianest.storage.errors."""
        handler, pace, settled = self._handlers[name], self._paces[name], 0
        self.settle_late()
        with _threads(handler.concurrency) as pool:
            while not until() and self.blocked_reason(handler) is None:
                leases = self.queue.claim_many(
                    name, pace.batch, held_lanes=pace.held_lanes(), rather_not=pace.failed_last
                )
                if not leases:
                    break
                began = self.registry.clock.now()
                ended = self._run_batch(handler, leases, pool, until)
                settled += sum(each.go_on for each in ended)
                if not all(each.go_on for each in ended):
                    break
                pace.adapt(self.registry.clock.now() - began, well=all(e.well for e in ended))
        return settled

    def blocked_reason(self, handler: Handler) -> str | None:
        """Why nothing is done for a handler now, or None."""
        held = self._paces[handler.name].hold_until - self.registry.clock.now()
        if held > 0:
            return f"{handler.service} could not do the last one; tried again in {held:.3g} s"
        if self._is_optional(handler) and (why := self.cascade.held_back(Work.OPTIONAL)):
            return why
        for name in handler.breaker_names:
            breaker = self.registry.find_breaker(name)
            if breaker is not None and breaker.state in (State.OPEN, State.FORCED_OPEN):
                if wait := breaker.snapshot().retry_after:
                    return f"{name} is cut off for {wait:.3g} s"
                if breaker.state is State.FORCED_OPEN:
                    return f"{name} is switched off"
        return None

    # -- attempts ------------------------------------------------------------------------------

    def _run_batch(
        self,
        handler: Handler,
        leases: list[Lease],
        pool: Callable[[], ThreadPoolExecutor],
        until: Callable[[], bool],
    ) -> list[_Ended]:
        """Do all of them, several at once. When one says that others should not be done now, those
        that have not begun go back to their places."""
        stopped: list[bool] = []
        clock, share = self.registry.clock, self.settings.lease * _LEASE_SHARE
        expires_at, pace = clock.now() + share, self._paces[handler.name]

        def attempt(lease: Lease) -> _Ended:
            left, stop = expires_at - clock.now(), bool(stopped) or until()
            if stop or left < share / 2 or lease.operation.lane in pace.held_lanes():
                return _Ended(Settlement.untried(lease, clock.utc()), go_on=not stop)
            ended = self.attempt(lease, left)
            if not ended.go_on:
                stopped.append(True)
            return ended

        if len(leases) == 1 or handler.concurrency == 1:
            found = [attempt(lease) for lease in leases]
            self._note(found)
            return found
        pending = {pool().submit(copy_context().run, attempt, lease) for lease in leases}
        return self._gathered(pending)

    def _gathered(self, pending: set[Future[_Ended]]) -> list[_Ended]:
        """All of them, each noted soon after it ended."""
        found: list[_Ended] = []
        while pending:
            done, pending = wait(pending, _NOTE_SECONDS, return_when=ALL_COMPLETED)
            fresh = [future.result() for future in done]
            self._note(fresh)
            found += fresh
        return found

    def _note(self, ended: list[_Ended]) -> None:
        self._settle([each.settlement for each in ended])

    def attempt(self, lease: Lease, seconds: float) -> _Ended:
        """Do one operation within so many seconds; or, where it may have been done already, look
        for it."""
        operation = lease.operation
        handler, clock = self._handlers[operation.handler], self.registry.clock
        in_doubt = operation.in_doubt_since is not None and handler.look is not None
        looked = False
        try:
            with Deadline(seconds, name=handler.service, clock=clock).scope():
                if in_doubt:
                    waiting = self._look(handler, lease)
                    if waiting is not None:
                        return waiting
                    looked = True
                result = handler.execute(operation.payload)
            json.dumps(result, allow_nan=False)  # what cannot be kept is no result
        except Exception as error:
            if in_doubt and not looked:
                return self._look_failed(handler, lease, error)
            return self._failed(handler, lease, error)
        return self._succeeded(handler, lease, result)

    def _look(self, handler: Handler, lease: Lease) -> _Ended | None:
        """How it ended, if it is there; None when it is proven that it is not: seen to be absent
        twice, with a settling time between in which the service was well."""
        assert handler.look is not None
        operation, now = lease.operation, self.registry.clock.utc()
        found = handler.look(operation.payload, operation.created_at)
        if found is not None:
            return self._succeeded(handler, lease, found)
        pace = self._paces[handler.name]
        since, ended = operation.absent_since, operation.in_doubt_since
        if since is None or (ended and since < ended) or pace.failed_after(since):
            since = now
        left = (since + timedelta(seconds=self.settings.settle) - now).total_seconds()
        if left <= 0 and since is not now:
            return None
        return _Ended(
            Settlement.still_in_doubt(lease, now, max(left, 0.0), absent_since=since), well=True
        )

    def _look_failed(self, handler: Handler, lease: Lease, error: Exception) -> _Ended:
        """It is not known yet. What kept us from looking may keep the service from doing it, too:
        the settling time begins anew."""
        pace, now = self._paces[handler.name], self.registry.clock.utc()
        if _is_refusal(error):
            pace.restart()
            if isinstance(error, CircuitOpenError):
                self._note_outage(handler, lease, now)
            return _Ended(Settlement.untried(lease, now), go_on=False)
        decision = self._decision(handler, lease, error, now)
        if decision.dead:
            return _Ended(Settlement.dead(lease, now, error, in_doubt=True))
        delay, own = self._jittered(decision.delay), decision.own
        settlement = Settlement.still_in_doubt(
            lease, now, delay, absent_since=None, error=error, own=own
        )
        if not decision.outage:
            return _Ended(settlement)
        self._note_outage(handler, lease, now)
        return _Ended(settlement, go_on=self._may_go_on(handler, pace))

    def _note_outage(self, handler: Handler, lease: Lease, now: datetime) -> None:
        """Remember it, here and for other processes."""
        if self._paces[handler.name].note_failure(now, lease.operation.id):
            try:
                self.queue.doubt_anew(handler.name)
            except (StorageError, CallRefusedError):
                pass  # this process knows it all the same

    def _succeeded(self, handler: Handler, lease: Lease, result: Any) -> _Ended:
        now = self.registry.clock.utc()
        self._paces[handler.name].note_success(now, lease.operation.lane)
        return _Ended(Settlement.done(lease, result, now), well=True)

    def _failed(self, handler: Handler, lease: Lease, error: Exception) -> _Ended:
        pace, now = self._paces[handler.name], self.registry.clock.utc()
        if _is_refusal(error):
            pace.restart()
            return _Ended(Settlement.untried(lease, now), go_on=False)
        decision = self._decision(handler, lease, error, now)
        settlement = self._settlement(decision, lease, error, now)
        if decision.lane and lease.operation.lane is not None:
            pace.hold_lane(lease.operation.lane, self.settings, self._jittered)
            return _Ended(settlement)
        if not decision.outage:
            return _Ended(settlement)
        self._note_outage(handler, lease, now)
        return _Ended(settlement, go_on=self._may_go_on(handler, pace))

    def _decision(
        self, handler: Handler, lease: Lease, error: Exception, now: datetime
    ) -> Decision:
        last_success = self._paces[handler.name].last_success
        return decide(
            handler, lease.operation, error, self.settings, now=now, last_success=last_success
        )

    def _settlement(
        self, decision: Decision, lease: Lease, error: Exception, now: datetime
    ) -> Settlement:
        if decision.dead:
            operation = lease.operation
            logger.warning(
                "operation %s (%s) is a dead letter: %s", operation.id, operation.handler, error
            )
            return Settlement.dead(lease, now, error, in_doubt=decision.in_doubt)
        delay = self._jittered(decision.delay)
        own, in_doubt = decision.own, decision.in_doubt
        return Settlement.later(lease, now, delay, error, own=own, in_doubt=in_doubt)

    def _jittered(self, delay: float) -> float:
        return delay * (0.5 + 0.5 * self.random())

    # -- attempts that others make -------------------------------------------------------------

    def note_success(self, lease: Lease, result: Any) -> None:
        """An operation is done. When that cannot be written now, it is in doubt when its lease is
        over."""
        handler = self._handlers[lease.operation.handler]
        self._note([self._succeeded(handler, lease, result)])

    def note_failure(self, lease: Lease, error: Exception) -> bool:
        """An operation failed: have it done later, or never. Whether others may be done now."""
        ended = self._failed(self._handlers[lease.operation.handler], lease, error)
        self._note([ended])
        return ended.go_on

    def _settle(self, settlements: list[Settlement]) -> None:
        """What cannot be settled now is settled with the next run; if this process ends before
        that, the lease runs out, and it is looked for."""
        try:
            self.queue.settle(settlements)
        except (StorageError, CallRefusedError) as fault:
            logger.info("%d operations are settled later: %s", len(settlements), fault)
            self._late.extend(settlements)

    def settle_late(self) -> None:
        """Settle what could not be settled before. Raises StorageError."""
        while self._late:
            some = [self._late[n] for n in range(min(_MOST_LATE, len(self._late)))]
            self.queue.settle(some)
            for _ in some:
                self._late.popleft()

    # -- when to stop --------------------------------------------------------------------------

    def _may_go_on(self, handler: Handler, pace: Pace) -> bool:
        """After an outage: one of many may fail; how many, the breakers judge that count it."""
        pace.restart()
        seen = [
            breaker.snapshot()
            for name in handler.breaker_names
            if (breaker := self.registry.find_breaker(name)) is not None
        ]
        if any(each.state is not State.CLOSED for each in seen):
            return False
        if any(each.consecutive_failures for each in seen):
            return True
        pace.hold(self.settings, self._jittered)
        return False

    def _is_optional(self, handler: Handler) -> bool:
        for dependency in self.registry.dependencies():
            if dependency.name == handler.service:
                return dependency.criticality == "optional"
        return False


def _is_refusal(error: Exception) -> bool:
    """Whether the call was not made."""
    return isinstance(error, CallRefusedError) and not isinstance(error, DeadlineExceededError)


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
