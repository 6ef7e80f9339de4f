"""What a recovery action is, what it is told, and how it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.errors import ConfigurationError
from medianest.resilience.keywords import RecoveryContextKeywords
from medianest.resilience.options import checked_name, number, whole, wrong

if TYPE_CHECKING:
    from medianest.resilience.recovery.good_answers import GoodAnswer

__all__ = ["RETRY_OPERATION", "Declined", "RecoveryAction", "RecoveryContext", "as_context"]


class _Answer(Enum):
    RETRY_OPERATION = "retry operation"


RETRY_OPERATION: Final = _Answer.RETRY_OPERATION
"""What an action returns when it has repaired something: the operation is to be run again."""

RetryOperation: TypeAlias = Literal[_Answer.RETRY_OPERATION]


@tells_arguments
@dataclass(frozen=True, slots=True)
class Declined:
    """What an action answers when it has nothing to offer, and why. It is false."""

    why: str

    def __bool__(self) -> bool:
        return False


@tells_arguments
@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryContext:
    """What failed, for whom: it travels to every action and into the history."""

    operation: str = "call"
    service: str = "default"
    correlation_id: str | None = None
    user: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Whatever the actions of this operation need; the history keeps a short, masked form."""
    good: GoodAnswer | None = None
    """The last good answer for this call; None: the operation keeps none."""
    rehearsal: bool = False
    """Nothing has failed: an operator wants to see what would be done."""
    attempt: int = 1
    """How often the operation has been run by now."""


Execute: TypeAlias = Callable[[Exception, RecoveryContext], Any]
ShouldExecute: TypeAlias = Callable[[Exception, RecoveryContext], "bool | Declined"]
Concerns: TypeAlias = Callable[[RecoveryContext], bool]


def _always(error: Exception, context: RecoveryContext) -> bool:
    return True


def _everything(context: RecoveryContext) -> bool:
    return True


@tells_arguments
@dataclass(frozen=True, kw_only=True)
class RecoveryAction:
    """One thing to try after a failure.

    `should_execute(error, context)` says whether it applies: true, false, or Declined with the
    reason; it changes nothing, as predictions ask it, too. `execute(error, context)` returns the
    answer for the caller, RETRY_OPERATION, or Declined.
    """

    name: str
    priority: int
    execute: Execute
    should_execute: ShouldExecute = _always
    concerns: Concerns = _everything
    """Whether it is for that operation at all, whatever the error; where not, it is passed over
    without a word."""
    rehearse: Execute | None = None
    """What a rehearsal runs in the place of `execute`, where that would do something for good."""
    max_attempts: int = 3
    """Failures in a row, for one service, after which it rests for `suspend_for` seconds."""
    suspend_for: float = 60.0
    cooldown: float = 0.0
    """Seconds between two runs for one service."""
    patience: float = 10.0
    """Seconds that other calls wait for its run, unless their deadline comes first."""
    concurrent: bool = False
    """True: it answers for one call alone, so that many may run at once. False: it repairs what
    all share, runs once at a time for each service, and those who wait share the repair."""
    serves_good_answers: bool = False
    """It is what an operation keeps its good answers for."""
    optional: bool = False
    """Held back while the cascade risk is high."""

    def __post_init__(self) -> None:
        checked_name(self.name, "recovery action")
        if not isinstance(self.priority, int) or isinstance(self.priority, bool):
            raise ConfigurationError(
                f"recovery action {self.name!r}: priority must be a whole number, "
                f"not {self.priority!r}"
            )
        for role in ("execute", "should_execute", "concerns", "rehearse"):
            given = getattr(self, role)
            if not callable(given) and (role != "rehearse" or given is not None):
                of = "(context)" if role == "concerns" else "(error, context)"
                raise ConfigurationError(
                    f"recovery action {self.name!r}: {role} must be a function {of}, not {given!r}"
                )
        whole(self, "max_attempts")
        number(self, "suspend_for", at_least=0.0)
        number(self, "cooldown", at_least=0.0)
        number(self, "patience", at_least=0.0)


def as_context(given: RecoveryContext | RecoveryContextKeywords | None) -> RecoveryContext:
    """A context, given as itself or as a dict of its fields. Raises ConfigurationError for what is
    neither, before anything has failed."""
    if given is None:
        return RecoveryContext()
    if isinstance(given, Mapping):
        given = RecoveryContext(**given)
    if not isinstance(given, RecoveryContext):
        raise ConfigurationError(
            f"context must be a RecoveryContext or a dict of its fields, not {given!r}"
        )
    for name in ("operation", "service"):
        if not isinstance(getattr(given, name), str):
            raise wrong(given, name, "text")
    if not isinstance(given.metadata, Mapping):
        raise wrong(given, "metadata", "a dict")
    return given
