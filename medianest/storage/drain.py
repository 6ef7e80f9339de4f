"""Doing deferred operations: each by its handler, gently, and only while its service is well."""

from __future__ import annotations

import logging
import random as _random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from medianest.config import QueueSettings
from medianest.resilience import (
    CallRefusedError,
    Deadline,
    Registry,
    State,
)
from medianest.resilience.cascade import CascadeMonitor, Work
from medianest.storage.operations import Lease
from medianest.storage.queue import DeferredQueue

__all__ = ["Drainer", "Handler"]

logger = logging.getLogger(__name__)

_LEASE_SHARE = 0.8
"""Share of a lease after which its handler has no time left; what remains is for saying so."""

_SLOW_START = 1.0
"""Seconds between operations right after a failure; halved by each that goes well."""

_FULL_SPEED = 0.01
"""A pause shorter than this is none."""


@dataclass(frozen=True, kw_only=True)
class Handler:
    """How operations of one name are done.

    `execute(payload)` does one and returns its result as JSON values, through the pipeline of
    `service`; done again after it was done, it must do no harm. `permanent` are errors after which
    it can never be done; `outages` are failures of the service, which are nobody's attempt; after
    `uncertain` ones it may still be done by the service, which gets `settle_seconds` for it.
    """

    name: str
    service: str
    execute: Callable[[Mapping[str, Any]], Any]
    permanent: tuple[type[Exception], ...] = ()
    outages: tuple[type[Exception], ...] = ()
    uncertain: tuple[type[Exception], ...] = ()
    settle_seconds: float = 0.0


@dataclass
class _Pace:
    """The pause between operations of one handler."""

    pause: float = 0.0

    def went_well(self) -> None:
        self.pause = self.pause / 2 if self.pause > _FULL_SPEED else 0.0

    def failed(self) -> None:
        self.pause = _SLOW_START


@dataclass
class Drainer:
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
        """Do what is due for a handler until nothing is, its service refuses, or `until()`; how
        many were done. Raises the errors of medianest.storage.errors."""
        handler, pace, done = self._handlers[name], self._paces[name], 0
        while not until() and self.obstacle(handler) is None:
            lease = self.queue.claim(name)
            if lease is None:
                break
            if until():
                self.queue.hand_back(lease)
                break
            if not self.do(lease):
                break
            done += 1
            if pace.pause:
                self.registry.clock.sleep(pace.pause)
        return done

    def obstacle(self, handler: Handler) -> str | None:
        """Why nothing is done for a handler now, or None."""
        if self._is_optional(handler) and (why := self.cascade.held_back(Work.OPTIONAL)):
            return why
        breaker = self.registry.find_breaker(handler.service)
        if breaker is None or breaker.state not in (State.OPEN, State.FORCED_OPEN):
            return None
        wait = breaker.snapshot().retry_after
        return None if not wait else f"{handler.service} is cut off for {wait:.3g} s"

    def do(self, lease: Lease) -> bool:
        """Do one operation and note how it went; whether it went well enough to go on."""
        handler = self._handlers[lease.operation.handler]
        pace, clock = self._paces[handler.name], self.registry.clock
        limit = Deadline(self.settings.lease * _LEASE_SHARE, name=handler.service, clock=clock)
        try:
            with limit.scope():
                result = handler.execute(lease.operation.payload)
        except Exception as error:
            return self.note_failure(lease, error)
        self.queue.finish(lease, result)
        pace.went_well()
        return True

    def note_failure(self, lease: Lease, error: Exception) -> bool:
        """An operation failed: have it done later, or never. Whether others may be done now."""
        handler = self._handlers[lease.operation.handler]
        well = self._note(handler, lease, error)
        if not well:
            self._paces[handler.name].failed()
        return well

    def _note(self, handler: Handler, lease: Lease, error: Exception) -> bool:
        operation = lease.operation
        if isinstance(error, CallRefusedError):
            self.queue.hand_back(lease)
            return False
        if self._is_hopeless(handler, lease, error):
            logger.warning(
                "operation %s (%s) is a dead letter: %s", operation.id, operation.handler, error
            )
            self.queue.bury(lease, error)
            return not isinstance(error, handler.outages) or self._is_closed(handler)
        if isinstance(error, handler.outages):
            delay = self._jittered(self.settings.initial_delay)
            settle = handler.settle_seconds if isinstance(error, handler.uncertain) else 0.0
            self.queue.put_off(lease, settle + delay, error)
            return self._is_closed(handler)  # one of many may fail; how many, the breaker judges
        self.queue.put_off(lease, self._backoff(operation.failures), error, own=True)
        return True

    def _is_closed(self, handler: Handler) -> bool:
        breaker = self.registry.find_breaker(handler.service)
        return breaker is not None and breaker.state is State.CLOSED

    def _is_hopeless(self, handler: Handler, lease: Lease, error: Exception) -> bool:
        operation, now = lease.operation, self.registry.clock.utc()
        if (now - operation.created_at).total_seconds() >= self.settings.max_age:
            return True
        exhausted = operation.failures + 1 >= self.settings.max_attempts
        own = not isinstance(error, handler.outages)
        return isinstance(error, handler.permanent) or (own and exhausted)

    def _backoff(self, failures: int) -> float:
        """Exponential, capped, and spread over its upper half."""
        delay = self.settings.initial_delay * 2.0 ** min(failures, 60)
        return self._jittered(min(delay, self.settings.max_delay))

    def _jittered(self, delay: float) -> float:
        return delay * (0.5 + 0.5 * self.random())

    def _is_optional(self, handler: Handler) -> bool:
        for dependency in self.registry.dependencies():
            if dependency.name == handler.service:
                return dependency.criticality == "optional"
        return False
