"""ErrorRecoveryManager: the actions that are tried after a failure, by falling priority."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, Unpack

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.clock import Clock, as_clock
from medianest.resilience.errors import ConfigurationError
from medianest.resilience.keywords import RecoveryActionKeywords, RecoveryContextKeywords
from medianest.resilience.options import checked_function, is_whole
from medianest.resilience.recovery.action import (
    Declined,
    Execute,
    RecoveryAction,
    RecoveryContext,
    ShouldExecute,
    as_context,
)
from medianest.resilience.recovery.action_gate import ActionGate
from medianest.resilience.recovery.good_answers import cache_fallback
from medianest.resilience.recovery.history import ActionStatistics, RecoveryHistory
from medianest.resilience.recovery.operations import NamedOperation, NamedOperations
from medianest.resilience.recovery.record import RecoveryRecord
from medianest.resilience.recovery.run import RecoveryRun

__all__ = ["ErrorRecoveryManager", "Prediction"]

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Prediction:
    """What an action would do about an error: run, or not, and why not."""

    action: str
    priority: int
    applies: bool
    why_not: str | None


@tells_arguments
class ErrorRecoveryManager:
    """Tries its actions after a failure until one answers or repairs what was broken.

    `ambient()` gives the `correlation_id` and `user` of the current call where a context has
    none; `suspended(action)` says why an action must wait, or None (see cascade). `operations` are
    those that have a public name. Thread-safe.
    """

    def __init__(
        self,
        *,
        clock: Clock | Callable[[], float] | None = None,
        history: RecoveryHistory | None = None,
        ambient: Callable[[], Mapping[str, Any]] = dict,
        suspended: Callable[[RecoveryAction], str | None] = lambda action: None,
    ) -> None:
        self.clock = as_clock(clock)
        self.history = history if history is not None else RecoveryHistory(clock=self.clock)
        self.operations = NamedOperations()
        self.ambient = checked_function(ambient, "ambient", "() -> dict")
        self.suspended = checked_function(suspended, "suspended", "(action) -> reason or None")
        self.turns = ActionGate()
        self._actions: tuple[RecoveryAction, ...] = ()
        self._lock = threading.Lock()

    # -- actions -------------------------------------------------------------------------------

    def register_recovery_action(
        self,
        name: str | RecoveryAction,
        priority: int = 0,
        should_execute: ShouldExecute | None = None,
        execute: Execute | None = None,
        max_attempts: int = 3,
        **options: Unpack[RecoveryActionKeywords],
    ) -> RecoveryAction:
        """Add an action: one made elsewhere, or its fields. Raises ConfigurationError for a wrong
        field or a taken name."""
        action = name if isinstance(name, RecoveryAction) else None
        if action is None:
            whether = {} if should_execute is None else {"should_execute": should_execute}
            action = RecoveryAction(
                name=name,  # type: ignore[arg-type]
                priority=priority,
                execute=execute,  # type: ignore[arg-type]
                max_attempts=max_attempts,
                **whether,
                **options,
            )
        with self._lock:
            if any(action.name == other.name for other in self._actions):
                raise ConfigurationError(f"recovery action {action.name!r} is registered already")
            # Of the same priority the one that came first goes first: sorting is stable.
            self._actions = tuple(sorted([*self._actions, action], key=lambda a: -a.priority))
        return action

    def unregister_recovery_action(self, name: str) -> bool:
        """Take an action away; False when there is none of that name."""
        with self._lock:
            kept = tuple(action for action in self._actions if action.name != name)
            found, self._actions = len(kept) < len(self._actions), kept
        return found

    def register_operation(self, operation: NamedOperation) -> NamedOperation:
        """Give an operation its public name. The first that keeps good answers brings the action
        that serves them, where none is registered. Raises ConfigurationError for a name that is
        taken."""
        known = self.operations.register(operation)
        if known.good is not None and not any(a.serves_good_answers for a in self._actions):
            self.register_recovery_action(cache_fallback())
        return known

    @property
    def actions(self) -> tuple[RecoveryAction, ...]:
        """All of them, in the order in which they are tried."""
        return self._actions

    # -- calls ---------------------------------------------------------------------------------

    @tells_arguments
    def with_recovery(
        self,
        operation: Callable[[], T],
        context: RecoveryContext | RecoveryContextKeywords | None = None,
        *,
        enable_recovery: bool = True,
        max_attempts: int = 3,
    ) -> T | Any:
        """Run an operation; when it fails, what the actions make of it. It is run at most
        `max_attempts` times in all. `context` may be a dict of its fields. Raises the operation's
        last error when nothing helps."""
        if not is_whole(max_attempts, at_least=1):
            raise ConfigurationError(
                f"max_attempts must be a whole number of at least 1, not {max_attempts!r}"
            )
        context = as_context(context)
        before, lasting = self.turns.repairs, self.history.lasting
        try:
            result = operation()
        except Exception as error:
            if not enable_recovery:
                raise
            failed = error
        else:
            if lasting:
                self.history.succeeded(context.service, context.operation)
            return result
        # Outside the handler, so that an action's own error does not have this one as its context.
        try:
            return self.recover(failed, operation, context, max_attempts, before)
        finally:
            del failed

    def recover(
        self,
        error: Exception,
        again: Callable[[], Any],
        context: RecoveryContext,
        max_attempts: int,
        before: int,
    ) -> Any:
        """What to do about an `error` that has happened; `again` runs the operation once more.
        `before` is `turns.repairs` from before it was run."""
        run = RecoveryRun(self, self._completed(context), max_attempts)
        try:
            return run.recover(error, again, before)
        finally:
            del error  # its traceback knows this frame: each would keep the other

    def rehearse(
        self, error: Exception, context: RecoveryContext, max_attempts: int = 2
    ) -> RecoveryRecord:
        """Run the actions for real against an operation that has failed with `error`, and would
        go well after a repair; the record of it, which the history keeps apart."""

        def goes_well() -> None:
            return None

        context = self._completed(replace(context, rehearsal=True))
        run = RecoveryRun(self, context, max_attempts)
        try:
            run.recover(error, goes_well, self.turns.repairs)
        except Exception as raised:
            if raised is not error:
                raise
        return run.rehearsed

    def predict(self, error: Exception, context: RecoveryContext) -> list[Prediction]:
        """Which actions would be tried against an error, in their order, and why others not.
        Runs none of them and changes nothing."""
        now = self.clock.now()
        found = []
        for action in self._actions:
            why_not = (
                self.refusal(action, error, context)
                or (None if self.is_concerned(action, context) else "it is for others")
                or self.why_suspended(action)
                or self.turns.obstacle(action, context.service, now)
            )
            found.append(Prediction(action.name, action.priority, why_not is None, why_not))
        return found

    def actions_for(self, operation: NamedOperation) -> tuple[str, ...]:
        """The names of the actions that are for an operation, in the order in which they are
        tried."""
        context = operation.rehearsal()
        return tuple(each.name for each in self._actions if self.is_concerned(each, context))

    def is_concerned(self, action: RecoveryAction, context: RecoveryContext) -> bool:
        """Whether an action is for that operation at all."""
        try:
            return bool(action.concerns(context))
        except Exception:
            logger.exception("concerns of recovery action %r failed", action.name)
            return False

    def why_suspended(self, action: RecoveryAction) -> str | None:
        """Why an action must wait; None when it need not."""
        try:
            return self.suspended(action)
        except Exception:
            logger.exception("suspended of the recovery manager failed")
            return None

    def refusal(
        self, action: RecoveryAction, error: Exception, context: RecoveryContext
    ) -> str | None:
        """Why an action says that it does not apply; None when it does."""
        try:
            wanted = action.should_execute(error, context)
            if wanted:
                return None
        except Exception as fault:
            logger.exception("should_execute of recovery action %r failed", action.name)
            return f"its should_execute raised {type(fault).__name__}"
        return wanted.why if isinstance(wanted, Declined) else "it does not apply"

    def statistics(self) -> dict[str, dict[str, Any]]:
        """How each action has fared since the start; those never tried included."""
        unused = ActionStatistics().as_dict()
        return {action.name: unused for action in self._actions} | self.history.statistics()

    def _completed(self, context: RecoveryContext) -> RecoveryContext:
        if context.correlation_id is not None and context.user is not None:
            return context
        try:
            known = self.ambient()
            found = known.get("correlation_id"), known.get("user")
        except Exception:
            logger.exception("the ambient context of a recovery cannot be told")
            return context
        return replace(
            context,
            correlation_id=context.correlation_id or found[0],
            user=context.user or found[1],
        )
