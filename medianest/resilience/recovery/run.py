"""One recovery: the actions tried against one failure, round by round, until one helps."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from medianest.resilience.errors import CallRefusedError
from medianest.resilience.given_up import GIVEN_UP
from medianest.resilience.outcome import reraise, set_note
from medianest.resilience.recovery.action import (
    RETRY_OPERATION,
    Declined,
    RecoveryAction,
    RecoveryContext,
)
from medianest.resilience.recovery.action_gate import Ending, GateDecision
from medianest.resilience.recovery.record import RecoveryRecord, Step, StepOutcome, brief
from medianest.resilience.snapshot import describe, storable

if TYPE_CHECKING:
    from medianest.resilience.recovery.manager import ErrorRecoveryManager

__all__ = ["RecoveryRun"]

logger = logging.getLogger(__name__)

_REPAIRS: Final = frozenset({"repaired", "shared", "raised"})

_NOBODY: Final[frozenset[str]] = frozenset()

_NOTHING: Final = object()
"""No action had an answer."""


class RecoveryRun:
    """Tries the actions, runs the operation again where one says so, and keeps the record.

    A breaker that is open refuses thousands of calls, each of which is one of these: what only a
    record needs is made with it.
    """

    __slots__ = (
        "_began", "_by", "_context", "_manager", "_max_attempts", "_recovered",
        "_repaired_it_myself", "_repairers", "by", "error", "operation", "rehearsed", "repeats",
        "seconds", "service", "steps",
    )  # fmt: skip

    def __init__(
        self, manager: ErrorRecoveryManager, context: RecoveryContext, max_attempts: int
    ) -> None:
        self._manager = manager
        self._context = context
        self._max_attempts = max_attempts
        self._began = manager.clock.now()
        self.service, self.operation = context.service, context.operation
        self.steps: list[Step] = []
        self.error: Exception
        self.by: str
        self.seconds: float
        self.repeats: object
        self.rehearsed: RecoveryRecord
        """What a rehearsal did."""
        self._by: RecoveryAction
        """Whose answer or repair it was, at last."""
        self._repaired_it_myself: bool
        self._repairers: frozenset[str] = _NOBODY
        """Actions that have repaired something; to no avail, if they are asked again."""
        self._recovered: bool

    @property
    def attempts(self) -> int:
        """How often the operation was run."""
        return self._context.attempt

    @property
    def age(self) -> float | None:
        """Of the last good answer that was served, if one was."""
        good = self._context.good
        return None if good is None else good.age

    def recover(self, error: Exception, again: Callable[[], Any], before: int) -> Any:
        """The answer that came of it. Raises the operation's last error when none did."""
        self.error, repaired = error, False
        try:
            while (answer := self._try_actions(error, before)) is RETRY_OPERATION:
                before = self._manager.turns.repairs
                self._context = replace(self._context, attempt=self._context.attempt + 1)
                try:
                    answer = again()
                except Exception as failed:
                    self._judge(helped=False)
                    error = failed
                    continue
                self._judge(helped=True)
                repaired = True
                break
            self._recovered = answer is not _NOTHING
            self._finish(in_its_place=self._recovered and not repaired)
            if not self._recovered:
                reraise(self._noted(error))
            GIVEN_UP.answered()
            return answer
        finally:
            del error, self.error  # they hold this frame

    def _try_actions(self, error: Exception, before: int) -> Any:
        """The answer of the first action that has one, RETRY_OPERATION, or _NOTHING."""
        for action in self._manager.actions:
            if not self._manager.is_concerned(action, self._context):
                continue
            why_not = self._manager.refusal(action, error, self._context)
            if why_not is not None:
                self._note(action, "declined", why_not)
                continue
            last = self._context.attempt >= self._max_attempts
            if last and action.name in self._repairers:
                self._note(action, "suspended", "no attempts are left to run the operation again")
                continue
            answer = self._try(action, error, before)
            if answer is RETRY_OPERATION:
                self._repairers |= {action.name}
                if last:  # nobody could know before that it repairs
                    continue
            if not isinstance(answer, Declined):
                self._by = action
                return answer
        return _NOTHING

    def _try(self, action: RecoveryAction, error: Exception, before: int) -> Any:
        turns, clock, service = self._manager.turns, self._manager.clock, self._context.service
        go = self._manager.why_suspended(action) or turns.begin(action, service, before, clock)
        if isinstance(go, str):
            self._note(action, "suspended", go)
            return Declined(go)
        self._repaired_it_myself = go is GateDecision.RUN
        if go is GateDecision.SHARE:
            self._note(action, "shared", "another call has just repaired it")
            return RETRY_OPERATION
        return self._execute(action, error)

    def _execute(self, action: RecoveryAction, error: Exception) -> Any:
        clock, execute = self._manager.clock, action.execute
        began, how = 0.0, Ending.FAILED
        try:
            began = clock.now()
            if self._context.rehearsal:
                # What fails or declines in a rehearsal says nothing of the next real call.
                how, execute = Ending.DECLINED, action.rehearse or execute
            answer = execute(error, self._context)
            how = _end_of(answer)
        except Exception as fault:
            kind, message = describe(fault)
            logger.warning("recovery action %s failed: %s: %s", action.name, kind, message)
            answer = Declined(f"{kind}: {message}")
            self._note(action, "raised", answer.why, clock.now() - began)
        else:
            self._note(action, *_told(answer), clock.now() - began)
        finally:  # whatever happened, an interrupt included, others may go on
            self._manager.turns.end(action, self._context.service, how, clock.now())
        return answer

    def _judge(self, *, helped: bool) -> None:
        """Only whose own run it was counts it, so that a hundred who shared it count once."""
        if self._repaired_it_myself and not self._context.rehearsal:
            now = self._manager.clock.now()
            self._manager.turns.record_result(self._by, self._context.service, helped, now)

    def _note(
        self, action: RecoveryAction, outcome: StepOutcome, detail: str, seconds: float = 0.0
    ) -> None:
        self.steps.append(Step(action.name, outcome, detail, seconds, self._context.attempt))

    def record(self) -> RecoveryRecord:
        """What has been tried against the first error, and what came of it."""
        context, (kind, message) = self._context, describe(self.error)
        clock = self._manager.clock
        seconds = clock.now() - self._began
        return RecoveryRecord(
            at=clock.utc() - timedelta(seconds=seconds),
            operation=storable(context.operation),
            service=storable(context.service),
            outcome="recovered" if self._recovered else "failed",
            recovered_by=self._by.name if self._recovered else None,
            error_type=kind,
            error_message=message,
            attempts=context.attempt,
            seconds=seconds,
            steps=tuple(self.steps),
            oldest_age=self.age,
            rehearsal=context.rehearsal,
            correlation_id=context.correlation_id,
            user=context.user,
            metadata=brief(context.metadata),
        )

    def _finish(self, *, in_its_place: bool) -> None:
        history = self._manager.history
        if self._context.rehearsal:
            self.rehearsed = self.record()
            history.add_rehearsal(self.rehearsed)
        elif in_its_place:
            self.by, self.seconds = self._by.name, self._manager.clock.now() - self._began
            alone = len(self.steps) == 1 and self._by.serves_good_answers and not self._by.optional
            self.repeats = self._manager.actions if alone else None
            history.add_answered(self)
        elif self._is_news():
            history.add(self.record())

    def _is_news(self) -> bool:
        outcomes = {step.outcome for step in self.steps}
        if outcomes <= {"declined"}:
            return False  # it was nobody's business
        # A breaker refuses thousands of calls: only a try to mend that is worth a record.
        return not isinstance(self.error, CallRefusedError) or not outcomes.isdisjoint(_REPAIRS)

    def _noted(self, error: Exception) -> Exception:
        told = [step for step in self.steps if step.outcome != "declined"]
        if told:
            tried = ", ".join(f"{step.action} {step.outcome}" for step in told)
            set_note(error, "recovery: nothing helped:", tried)
        return error


def _end_of(answer: Any) -> Ending:
    if answer is RETRY_OPERATION:
        return Ending.REPAIRED
    return Ending.DECLINED if isinstance(answer, Declined) else Ending.ANSWERED


def _told(answer: Any) -> tuple[StepOutcome, str]:
    if answer is RETRY_OPERATION:
        return "repaired", "repaired; the operation is run again"
    if isinstance(answer, Declined):
        return "declined", answer.why
    return "returned", "an answer"
