"""Who may run an action now: one at a time for each service, with a cool-down and a cap.

A hundred calls that fail at once cause one repair: the first runs it, the others wait for it and
share how it ended.
"""

from __future__ import annotations

import threading
from enum import Enum

from medianest.resilience.clock import Clock
from medianest.resilience.counted import counted
from medianest.resilience.deadline import remaining
from medianest.resilience.errors import in_seconds
from medianest.resilience.recovery.action import RecoveryAction

__all__ = ["ActionGate", "Ending", "GateDecision"]

_MAX_KEPT = 1_000
"""Services times actions that are remembered; names may come from outside."""


class GateDecision(Enum):
    """What a call may do about an action."""

    RUN = "run it"
    SHARE = "somebody has just repaired it"


class Ending(Enum):
    """How a run of an action ended."""

    ANSWERED = "answered"
    REPAIRED = "repaired"
    FAILED = "failed"
    DECLINED = "declined"


class _Turn:
    """The runs of one action for one service."""

    __slots__ = (
        "cool_until", "ended", "failures", "last", "owner", "repaired", "suspended_until",
    )  # fmt: skip

    def __init__(self, lock: threading.Lock) -> None:
        self.owner: int | None = None
        """The thread that runs it; None: it does not run."""
        self.ended = threading.Condition(lock)
        self.last: Ending
        """How its last run ended."""
        self.failures = 0
        self.repaired = 0
        self.cool_until = self.suspended_until = float("-inf")

    def obstacle(self, action: RecoveryAction, now: float) -> str | None:
        """Why it may not run now, as far as its past goes."""
        if now < self.suspended_until:
            return f"it failed {counted(action.max_attempts, 'time')} in a row and is suspended"
        if now < self.cool_until and not action.concurrent:
            return f"it cools down for {in_seconds(self.cool_until - now)}"
        return None


class ActionGate:
    """Turns of every action for every service. Thread-safe; no lock is held while one runs."""

    def __init__(self) -> None:
        self.repairs = 0
        """Numbers the repairs. A call that notes it before it runs knows afterwards whether a
        repair has ended since."""
        self._lock = threading.Lock()
        self._turns: dict[tuple[str, str], _Turn] = {}

    def begin(
        self, action: RecoveryAction, service: str, before: int, clock: Clock
    ) -> GateDecision | str:
        """Whether to run it, to share a repair that came after `before`, or, as text, why
        neither. Waits while somebody else runs it. After RUN, call `end`."""
        patience = remaining(action.patience)
        with self._lock:
            turn = self._turn_needs_lock(action, service)
            if action.concurrent:
                return turn.obstacle(action, clock.now()) or GateDecision.RUN
            if turn.owner == threading.get_ident():
                return "it is this action's own call that failed"
            if turn.owner is not None:
                if not turn.ended.wait_for(lambda: turn.owner is None, patience):
                    return "it still runs for another call"
                if turn.last is Ending.FAILED and turn.repaired <= before:
                    return "it has just failed for another call"
            if turn.repaired > before:
                return GateDecision.SHARE
            obstacle = turn.obstacle(action, clock.now())
            if obstacle is not None:
                return obstacle
            turn.owner = threading.get_ident()
            return GateDecision.RUN

    def end(self, action: RecoveryAction, service: str, how: Ending, now: float) -> None:
        """A run that `begin` allowed is over."""
        with self._lock:
            turn = self._turn_needs_lock(action, service)
            turn.owner, turn.last = None, how
            turn.cool_until = now + action.cooldown
            if how is Ending.REPAIRED:
                self.repairs += 1
                turn.repaired = self.repairs
            self._count_needs_lock(turn, action, how, now)
            turn.ended.notify_all()

    def record_result(self, action: RecoveryAction, service: str, helped: bool, now: float) -> None:
        """How the operation ended when it was run again after a repair by that action."""
        with self._lock:
            turn = self._turn_needs_lock(action, service)
            self._count_needs_lock(turn, action, Ending.ANSWERED if helped else Ending.FAILED, now)

    def obstacle(self, action: RecoveryAction, service: str, now: float) -> str | None:
        """Why it would not run now; None when it would. Changes nothing and waits for nobody."""
        with self._lock:
            turn = self._turns.get((service, action.name))
            return None if turn is None else turn.obstacle(action, now)

    def _count_needs_lock(
        self, turn: _Turn, action: RecoveryAction, how: Ending, now: float
    ) -> None:
        if how is Ending.FAILED:
            turn.failures += 1
            if turn.failures >= action.max_attempts:
                turn.failures, turn.suspended_until = 0, now + action.suspend_for
        elif how is Ending.ANSWERED:
            turn.failures = 0

    def _turn_needs_lock(self, action: RecoveryAction, service: str) -> _Turn:
        key = service, action.name
        turn = self._turns.get(key)
        if turn is None:
            if len(self._turns) >= _MAX_KEPT:
                idle = next((k for k, t in self._turns.items() if t.owner is None), key)
                self._turns.pop(idle, None)
            turn = self._turns[key] = _Turn(self._lock)
        return turn
