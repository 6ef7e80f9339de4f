"""One recovery: the actions tried against one failure, round by round, until one helps."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from medianest.resilience.errors import CallRefusedError
from medianest.resilience.events import RecoveryFinished, publish
from medianest.resilience.outcome import note_once, raise_again
from medianest.resilience.recovery.action import (
    RUN_AGAIN,
    Declined,
    RecoveryAction,
    RecoveryContext,
)
from medianest.resilience.recovery.history import (
    RecoveryRecord,
    Step,
    StepOutcome,
    brief,
)
from medianest.resilience.recovery.turns import End, Go
from medianest.resilience.snapshot import describe, storable

if TYPE_CHECKING:
    from medianest.resilience.recovery.manager import ErrorRecoveryManager

__all__ = ["Run"]

logger = logging.getLogger(__name__)

_REPAIRS: Final = frozenset({"run_again", "shared", "raised"})

_NOTHING: Final = object()
"""No action had an answer."""


class Run:
    """Tries the actions, runs the operation again where one says so, and keeps the record."""

    def __init__(
        self, manager: ErrorRecoveryManager, context: RecoveryContext, max_attempts: int
    ) -> None:
        self._manager = manager
        self._context = context
        self._max_attempts = max_attempts
        self._began = manager.clock.now()
        self._at = manager.clock.utc()
        self._steps: list[Step] = []
        self._by: RecoveryAction | None = None
        """Whose answer or repair it was, at last."""
        self._repaired_it_myself = False
        self._repairers: set[str] = set()
        """Actions that have repaired something; to no avail, if they are asked again."""
        self._recovered = False
        self._id = uuid.uuid4().hex

    def recover(self, error: Exception, again: Callable[[], Any], before: int) -> Any:
        """The answer that came of it. Raises the operation's last error when none did."""
        first = error
        try:
            while (answer := self._try_actions(error, before)) is RUN_AGAIN:
                before = self._manager.turns.repairs
                self._context = replace(self._context, attempt=self._context.attempt + 1)
                kept = self._context.cache_key is not None
                asked_at = self._manager.asked_at() if kept else None
                try:
                    answer = again()
                except Exception as failed:
                    self._judge(helped=False)
                    error = failed
                    continue
                self._judge(helped=True)
                if self._context.cache_key is not None:
                    self._manager.remember(self._context.cache_key, answer, asked_at)
                break
            self._recovered = answer is not _NOTHING
            self._finish(first)
            if not self._recovered:
                raise_again(self._noted(error))
            return answer
        finally:
            del error, first  # they hold this frame

    def _try_actions(self, error: Exception, before: int) -> Any:
        """The answer of the first action that has one, RUN_AGAIN, or _NOTHING."""
        for action in self._manager.actions:
            why_not = self._manager.refusal(action, error, self._context)
            if why_not is not None:
                self._note(action, "declined", why_not)
                continue
            last = self._context.attempt >= self._max_attempts
            if last and action.name in self._repairers:
                self._note(action, "held_back", "no attempts are left to run the operation again")
                continue
            answer = self._try(action, error, before)
            if answer is RUN_AGAIN:
                self._repairers.add(action.name)
                if last:  # nobody could know before that it repairs
                    continue
            if not isinstance(answer, Declined):
                self._by = action
                return answer
        return _NOTHING

    def _try(self, action: RecoveryAction, error: Exception, before: int) -> Any:
        turns, clock, service = self._manager.turns, self._manager.clock, self._context.service
        go = self._manager.held_back(action) or turns.begin(action, service, before, clock)
        if isinstance(go, str):
            self._note(action, "held_back", go)
            return Declined(go)
        self._repaired_it_myself = go is Go.RUN
        if go is Go.SHARE:
            self._note(action, "shared", "another call has just repaired it")
            return RUN_AGAIN
        return self._execute(action, error)

    def _execute(self, action: RecoveryAction, error: Exception) -> Any:
        clock = self._manager.clock
        began, how = 0.0, End.FAILED
        try:
            began = clock.now()
            answer = action.execute(error, self._context)
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
        if self._by is not None and self._repaired_it_myself:
            now = self._manager.clock.now()
            self._manager.turns.judge(self._by, self._context.service, helped, now)

    def _note(
        self, action: RecoveryAction, outcome: StepOutcome, detail: str, seconds: float = 0.0
    ) -> None:
        self._steps.append(Step(action.name, outcome, detail, seconds, self._context.attempt))

    def record(self, error: Exception) -> RecoveryRecord:
        """What has been tried against the first error, and what came of it."""
        context, (kind, message) = self._context, describe(error)
        return RecoveryRecord(
            id=self._id,
            at=self._at,
            operation=storable(context.operation),
            service=storable(context.service),
            outcome="recovered" if self._recovered else "failed",
            recovered_by=self._by.name if self._by is not None and self._recovered else None,
            error_type=kind,
            error_message=message,
            attempts=context.attempt,
            seconds=self._manager.clock.now() - self._began,
            steps=tuple(self._steps),
            correlation_id=context.correlation_id,
            user=context.user,
            metadata=brief(context.metadata),
        )

    def _finish(self, error: Exception) -> None:
        outcomes = {step.outcome for step in self._steps}
        if outcomes <= {"declined"}:
            return  # it was nobody's business
        if isinstance(error, CallRefusedError) and outcomes.isdisjoint(_REPAIRS):
            return  # a breaker refuses thousands of calls: only a try to mend that is news
        record = self.record(error)
        self._manager.history.add(record)
        publish((RecoveryFinished(record.service, record),))

    def _noted(self, error: Exception) -> Exception:
        told = [step for step in self._steps if step.outcome != "declined"]
        if told:
            tried = ", ".join(f"{step.action} {step.outcome}" for step in told)
            note_once(error, "recovery: nothing helped:", tried)
        return error


def _end_of(answer: Any) -> End:
    if answer is RUN_AGAIN:
        return End.REPAIRED
    return End.DECLINED if isinstance(answer, Declined) else End.ANSWERED


def _told(answer: Any) -> tuple[StepOutcome, str]:
    if answer is RUN_AGAIN:
        return "run_again", "repaired; the operation is run again"
    if isinstance(answer, Declined):
        return "declined", answer.why
    return "returned", "an answer"
