"""Doing deferred operations: each by its handler, gently, and only while its service is well."""

from __future__ import annotations

import json
import logging
import random as _random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from medianest.config import QueueSettings
from medianest.queue.operations import Lease
from medianest.queue.retry_policy import Handler, Verdict, backoff, judge
from medianest.queue.store import DeferredQueue
from medianest.resilience import (
    CallRefusedError,
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

_SLOW_START = 1.0
"""Seconds between operations right after an outage; halved by each that goes well."""

_FULL_SPEED = 0.01
"""A pause shorter than this is none."""


@dataclass
class _Pace:
    """How fast operations of one handler are done."""

    pause: float = 0.0
    """Seconds between two."""
    holds: int = 0
    hold_until: float = float("-inf")
    """None is done before; for failures that no breaker counts, such as a wrong key."""
    last_success: datetime | None = None

    def went_well(self, now: datetime) -> None:
        self.pause = self.pause / 2 if self.pause > _FULL_SPEED else 0.0
        self.holds, self.last_success = 0, now

    def hold(self, until: float) -> None:
        self.holds += 1
        self.hold_until = until


@dataclass
class QueueRunner:
    """Does what is due. `drain` of different handlers may run at once, of one handler once at a
    time in a process; other processes drain the same queue meanwhile.
    """

    queue: DeferredQueue
    registry: Registry
    settings: QueueSettings
    cascade: CascadeMonitor
    random: Callable[[], float] = _random.random
    _handlers: dict[str, Handler] = field(default_factory=dict)
    _paces: dict[str, _Pace] = field(default_factory=dict)

    def register(self, handler: Handler) -> Handler:
        """Add a handler; another of the same name is replaced."""
        self._handlers[handler.name] = handler
        self._paces[handler.name] = _Pace()
        return handler

    @property
    def handlers(self) -> tuple[Handler, ...]:
        """All of them."""
        return tuple(self._handlers.values())

    def drain(self, name: str, *, until: Callable[[], bool] = lambda: False) -> int:
        """Do what is due for a handler until nothing is, its service is unwell, or `until()`; how
        many were settled. Raises the errors of medianest.storage.errors."""
        handler, pace, settled = self._handlers[name], self._paces[name], 0
        while not until() and self.obstacle(handler) is None:
            lease = self.queue.claim(name)
            if lease is None:
                break
            if until():
                self.queue.hand_back(lease)
                break
            if not self.do(lease):
                break
            settled += 1
            if pace.pause:
                self.registry.clock.sleep(pace.pause)
        return settled

    def obstacle(self, handler: Handler) -> str | None:
        """Why nothing is done for a handler now, or None."""
        held = self._paces[handler.name].hold_until - self.registry.clock.now()
        if held > 0:
            return f"{handler.service} failed as no breaker counts it; tried again in {held:.3g} s"
        if self._is_optional(handler) and (why := self.cascade.held_back(Work.OPTIONAL)):
            return why
        breaker = self.registry.find_breaker(handler.service)
        if breaker is None or breaker.state not in (State.OPEN, State.FORCED_OPEN):
            return None
        wait = breaker.snapshot().retry_after
        return None if not wait else f"{handler.service} is cut off for {wait:.3g} s"

    def do(self, lease: Lease) -> bool:
        """Do one operation and note how it went; whether others may be done now."""
        handler = self._handlers[lease.operation.handler]
        clock, share = self.registry.clock, self.settings.lease * _LEASE_SHARE
        try:
            with Deadline(share, name=handler.service, clock=clock).scope():
                result = handler.execute(lease.operation.payload)
            json.dumps(result, allow_nan=False)  # what cannot be kept is no result
        except Exception as error:
            return self.note_failure(lease, error)
        self.note_success(lease, result)
        return True

    def note_success(self, lease: Lease, result: Any) -> None:
        """An operation is done. When that cannot be written now, it is done again when its lease
        is over, which by contract does no harm."""
        self._paces[lease.operation.handler].went_well(self.registry.clock.utc())
        try:
            self.queue.finish(lease, result)
        except (StorageError, CallRefusedError) as fault:
            logger.warning("operation %s is done, but not noted: %s", lease.operation.id, fault)

    def note_failure(self, lease: Lease, error: Exception) -> bool:
        """An operation failed: have it done later, or never. Whether others may be done now."""
        handler, pace = (
            self._handlers[lease.operation.handler],
            self._paces[lease.operation.handler],
        )
        if isinstance(error, CallRefusedError) and not isinstance(error, DeadlineExceededError):
            self._settle(lease, lambda: self.queue.hand_back(lease))
            pace.pause = _SLOW_START
            return False
        now = self.registry.clock.utc()
        verdict = judge(
            handler,
            lease.operation,
            error,
            self.settings,
            now=now,
            last_success=pace.last_success,
        )
        self._settle(lease, lambda: self._carry_out(verdict, lease, error))
        return not verdict.outage or self._may_go_on(handler, pace)

    def _carry_out(self, verdict: Verdict, lease: Lease, error: Exception) -> None:
        if verdict.dead:
            operation = lease.operation
            logger.warning(
                "operation %s (%s) is a dead letter: %s", operation.id, operation.handler, error
            )
            self.queue.bury(lease, error, settle=verdict.settle)
            return
        delay = verdict.delay * (0.5 + 0.5 * self.random())
        self.queue.put_off(lease, delay, error, own=verdict.own, settle=verdict.settle)

    def _settle(self, lease: Lease, settlement: Callable[[], object]) -> None:
        """What cannot be settled now settles itself: the lease runs out."""
        try:
            settlement()
        except (StorageError, CallRefusedError) as fault:
            logger.warning("operation %s waits for its lease: %s", lease.operation.id, fault)

    def _may_go_on(self, handler: Handler, pace: _Pace) -> bool:
        """After an outage: one of many may fail; how many, the breaker judges, if it counts it."""
        breaker = self.registry.find_breaker(handler.service)
        if breaker is not None:
            seen = breaker.snapshot()
            if seen.state is not State.CLOSED:
                pace.pause = _SLOW_START
                return False
            if seen.consecutive_failures:
                return True
        delay = backoff(self.settings, pace.holds)
        pace.hold(self.registry.clock.now() + delay * (0.5 + 0.5 * self.random()))
        return False

    def _is_optional(self, handler: Handler) -> bool:
        for dependency in self.registry.dependencies():
            if dependency.name == handler.service:
                return dependency.criticality == "optional"
        return False
