"""The states of a circuit breaker, its one transition table, and its generations."""

from __future__ import annotations

import math
import threading
from datetime import datetime
from enum import Enum, StrEnum
from typing import Final

from medianest.resilience.circuit_breaker.window import FAILURE, SUCCESS, TICK, Window

__all__ = ["TRANSITIONS", "Generation", "State", "Trigger"]


FEW: Final = 1000
"""Successes that may wait to be counted for longer than a TICK."""

REST: Final = 5 * TICK
"""Seconds without a look where there was nothing to do."""


class State(StrEnum):
    """What a circuit breaker does with calls; equal to its text, and written as it."""

    CLOSED = "closed"  # admits and counts
    OPEN = "open"  # refuses until the wait is over
    HALF_OPEN = "half_open"  # admits a few probes
    FORCED_OPEN = "forced_open"  # an operator's: refuses
    DISABLED = "disabled"  # an operator's: admits everything, still counts


class Trigger(Enum):
    """Why a circuit breaker changes its state."""

    TRIPPED = "tripped"
    WAIT_ELAPSED = "wait_elapsed"
    PROBE_FAILED = "probe_failed"
    PROBES_PASSED = "probes_passed"
    OPEN = "open"
    CLOSE = "close"
    RESET = "reset"
    DISABLE = "disable"
    ENABLE = "enable"
    EXPIRED = "expired"


TRANSITIONS: Final[dict[tuple[State, Trigger], State]] = {
    (State.CLOSED, Trigger.TRIPPED): State.OPEN,
    (State.OPEN, Trigger.WAIT_ELAPSED): State.HALF_OPEN,
    (State.HALF_OPEN, Trigger.PROBES_PASSED): State.CLOSED,
    (State.HALF_OPEN, Trigger.PROBE_FAILED): State.OPEN,
    (State.OPEN, Trigger.PROBES_PASSED): State.CLOSED,  # those of other processes
    # Operators; only they, or the expiry that they asked for, end what they began.
    **{(state, Trigger.OPEN): State.FORCED_OPEN for state in State},
    **{(state, Trigger.CLOSE): State.CLOSED for state in State},
    **{(state, Trigger.RESET): State.CLOSED for state in State},
    **{(state, Trigger.DISABLE): State.DISABLED for state in State},
    (State.FORCED_OPEN, Trigger.ENABLE): State.CLOSED,
    (State.DISABLED, Trigger.ENABLE): State.CLOSED,
    (State.FORCED_OPEN, Trigger.EXPIRED): State.CLOSED,
    (State.DISABLED, Trigger.EXPIRED): State.CLOSED,
}


class _ReadByCalls:
    """What each call reads of its generation, without a lock. It is a base as slots of a base lie
    first: one line of the cache holds them and the object's head, where a call of one breaker among
    many waits for each line."""

    __slots__ = ("fast_below", "pending", "refuse_until", "slow_path_from")


class Generation(_ReadByCalls):
    """One stay in one state. A result counts only while the generation that admitted it lasts.

    All but the slots of its base needs the breaker's lock.
    """

    __slots__ = (
        "actor",
        "admits_all",
        "alive",
        "expires_at",
        "leases",
        "no_quick_since",
        "number",
        "open_reported",
        "passed",
        "passed_elsewhere",
        "reason",
        "refused_before",
        "since",
        "since_utc",
        "slow_streak",
        "state",
        "streak",
        "window",
    )

    def __init__(
        self,
        number: int,
        state: State,
        since: float,
        since_utc: datetime,
        window: Window,
        *,
        fast_below: float,
        reason: str | None = None,
        actor: str | None = None,
        expires_at: float = math.inf,
        opened_for: float = 0.0,
        refused_before: int = 0,
    ) -> None:
        self.number = number
        self.state = state
        self.since = since
        self.since_utc = since_utc
        self.window = window
        self.reason = reason
        self.actor = actor
        self.expires_at = expires_at
        self.refused_before = refused_before
        self.leases: list[tuple[float, int]] = []
        """Of each probe: when it began, and its thread."""
        self.alive: dict[float, float] = {}
        """When a probe that began at some time gave its last sign of life."""
        self.passed = 0
        self.passed_elsewhere = 0
        """Probes of other processes that succeeded."""
        self.streak = 0
        self.slow_streak = 0
        self.no_quick_since = since
        self.open_reported = False
        self.admits_all = admits = state is State.CLOSED or state is State.DISABLED
        """Whether calls are admitted without asking."""
        # Calls that start then or later take the slow path, which may be all of them.
        self.slow_path_from = min(since + TICK, expires_at) if admits else -math.inf
        # Calls that took less than `fast_below` are appended without a lock; probes never are.
        self.fast_below = fast_below if admits else -math.inf
        self.pending = window.pending
        # Calls that start before it are refused without a lock.
        self.refuse_until = -math.inf
        if state is State.OPEN:
            self.refuse_until = since + opened_for
        elif state is State.FORCED_OPEN:
            self.refuse_until = expires_at

    def is_quiet(self, now: float) -> bool:
        """Whether all that there is to do can wait for the next slice of the window."""
        window = self.window
        return (
            self.admits_all
            and now < window.slides_at
            and now < self.expires_at
            and len(window.pending) < FEW
        )

    def is_settled(self, now: float, period: float) -> bool:
        """Whether it has been closed for that long."""
        return self.state is State.CLOSED and now - self.since >= period

    def rest(self, now: float, longest: float) -> None:
        """Let calls pass without a look for a while."""
        rested = min(now + min(REST, longest), self.window.slides_at)
        self.slow_path_from = min(rested, self.expires_at)

    def is_probing(self, thread: int) -> bool:
        """Whether that thread makes a probe now."""
        return any(holder == thread for _, holder in self.leases)

    def renew(self, started: float, now: float, thread: int) -> None:
        """The probe that was admitted at `started` begins only now."""
        if self.give_back(started):
            self.leases.append((now, thread))

    def last_sign(self) -> float:
        """When the probe that has been silent for longest began or gave a sign of life."""
        return min(self.alive.get(began, began) for began, _ in self.leases)

    def give_back(self, started: float) -> bool:
        """End the lease of a probe; False when it has none any more."""
        # Of several that began at the same instant, this thread's own.
        for lease in ((started, threading.get_ident()), *self.leases):
            if lease[0] == started and lease in self.leases:
                self.leases.remove(lease)
                return True
        return False

    def count(self, outcome: int, took: float, slow: bool, now: float) -> None:
        """Count one finished call."""
        self.window.add(outcome, took, slow)
        if outcome == FAILURE:
            self.streak += 1
        elif outcome == SUCCESS and not slow:
            self.quick_success(now)
        elif outcome == SUCCESS:
            self.streak = 0
        if slow:
            self.slow_streak += 1

    def quick_success(self, at: float) -> None:
        """A call that was neither slow nor a failure ends what is counted in a row."""
        self.streak = 0
        self.slow_streak = 0
        self.no_quick_since = max(self.no_quick_since, at)
