"""One attempt at a deferred operation: doing it, or looking for what may have been done."""

from __future__ import annotations

import json
import logging
import random as _random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from medianest.config import QueueSettings
from medianest.queue.operations import Lease
from medianest.queue.pace import QueuePace
from medianest.queue.retry_policy import Decision, Handler, decide
from medianest.queue.set_back import sent_before
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
from medianest.resilience.steps import ClockSteps
from medianest.storage.errors import StorageError

__all__ = ["Attempts", "Ended"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt is over, or was not made: how to note that, and whether others may be done now."""

    settlement: Settlement
    go_on: bool = True
    well: bool = False
    tried: bool = True

    @classmethod
    def untried(cls, lease: Lease, now: datetime, *, go_on: bool = False) -> Self:
        """Nobody tried it."""
        return cls(Settlement.untried(lease, now), go_on=go_on, tried=False)


@dataclass
class Attempts:
    """Makes attempts, and says of each how to note it and whether others may be made now.

    `handlers` and `paces` are those of the runner, by their names.
    """

    queue: DeferredQueue
    registry: Registry
    settings: QueueSettings
    random: Callable[[], float] = _random.random
    handlers: dict[str, Handler] = field(default_factory=dict)
    paces: dict[str, QueuePace] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.steps = ClockSteps(self.registry.clock)

    def attempt(self, lease: Lease, seconds: float) -> Ended:
        """Do one operation within so many seconds; or, where it may have been done already, look
        for it."""
        operation = lease.operation
        handler, clock = self.handlers[operation.handler], self.registry.clock
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
            return self.failed(handler, lease, error)
        return self.succeeded(handler, lease, result)

    def _look(self, handler: Handler, lease: Lease) -> Ended | None:
        """How it ended, if it is there; None when it is proven that it is not: seen to be absent
        twice, with a settling time between in which the service was well."""
        assert handler.look is not None
        operation, now = lease.operation, self.registry.clock.utc()
        sent_at = operation.first_sent_at or operation.created_at
        found = handler.look(operation.payload, sent_before(sent_at, now))
        if found is not None:
            return self.succeeded(handler, lease, found)
        pace = self.paces[handler.name]
        since, ended = operation.absent_since, operation.in_doubt_since
        if since is not None and (since > now or (ended and since < ended <= now)):
            since = None  # of a time to come: the clock was set back since
        if since is None or pace.failed_after(since, now):
            since = now
        left = self.settings.settle - self.steps.age(since)
        if left <= 0 and since is not now:
            return None
        return Ended(
            Settlement.still_in_doubt(lease, now, max(left, 0.0), absent_since=since), well=True
        )

    def _look_failed(self, handler: Handler, lease: Lease, error: Exception) -> Ended:
        """It is not known yet. What kept us from looking may keep the service from doing it, too:
        the settling time begins anew."""
        pace, now = self.paces[handler.name], self.registry.clock.utc()
        if _is_refusal(error):
            pace.restart()
            if isinstance(error, CircuitOpenError):
                self._note_outage(handler, lease, now)
            return Ended.untried(lease, now)
        decision = self._decision(handler, lease, error, now)
        if decision.dead:
            return Ended(Settlement.dead(lease, now, error, in_doubt=True, sent=False))
        delay, own = self._jittered(decision.delay), decision.own
        settlement = Settlement.still_in_doubt(
            lease, now, delay, absent_since=None, error=error, own=own
        )
        if not decision.outage:
            return Ended(settlement)
        self._note_outage(handler, lease, now)
        return Ended(settlement, go_on=self._may_go_on(handler, pace))

    def _note_outage(self, handler: Handler, lease: Lease, now: datetime) -> None:
        """Remember it, here and for other processes."""
        if self.paces[handler.name].note_failure(now, lease.operation.id):
            try:
                self.queue.doubt_anew(handler.name)
            except (StorageError, CallRefusedError):
                pass  # this process knows it all the same

    def succeeded(self, handler: Handler, lease: Lease, result: Any) -> Ended:
        now = self.registry.clock.utc()
        self.paces[handler.name].note_success(now, lease.operation.lane)
        return Ended(Settlement.done(lease, result, now), well=True)

    def failed(self, handler: Handler, lease: Lease, error: Exception) -> Ended:
        pace, now = self.paces[handler.name], self.registry.clock.utc()
        if _is_refusal(error):
            pace.restart()
            return Ended.untried(lease, now)
        decision = self._decision(handler, lease, error, now)
        settlement = self._settlement(decision, lease, error, now)
        if decision.lane and lease.operation.lane is not None:
            pace.hold_lane(lease.operation.lane, self.settings, self._jittered)
            return Ended(settlement)
        if not decision.outage:
            return Ended(settlement)
        self._note_outage(handler, lease, now)
        return Ended(settlement, go_on=self._may_go_on(handler, pace))

    def _decision(
        self, handler: Handler, lease: Lease, error: Exception, now: datetime
    ) -> Decision:
        last_success, since = self.paces[handler.name].last_success, lease.operation.failing_since
        if last_success is not None and last_success > now:
            last_success = None  # the clock was set back since
        failing_for = self.steps.age(since) if since is not None else 0.0
        return decide(
            handler, lease.operation, error, self.settings, failing_for=failing_for,
            last_success=last_success,
        )  # fmt: skip

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

    def _may_go_on(self, handler: Handler, pace: QueuePace) -> bool:
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


def _is_refusal(error: Exception) -> bool:
    """Whether the call was not made."""
    return isinstance(error, CallRefusedError) and not isinstance(error, DeadlineExceededError)
