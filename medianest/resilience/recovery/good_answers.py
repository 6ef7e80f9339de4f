"""The last good answers of an operation, and the recovery action that serves them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any, Final

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.errors import CallRefusedError, ConfigurationError
from medianest.resilience.events import Degraded, publish
from medianest.resilience.last_good import LastGood
from medianest.resilience.outcome import Expected, holds, matcher
from medianest.resilience.recovery.action import Declined, RecoveryAction
from medianest.resilience.strategy import Invoke

if TYPE_CHECKING:
    from medianest.resilience.recovery.action import RecoveryContext

__all__ = ["CACHE_FALLBACK", "GoodAnswer", "GoodAnswers", "Stale", "as_it_is", "cache_fallback"]

logger = logging.getLogger(__name__)

CACHE_FALLBACK: Final = "cache-fallback"

Stale = Callable[[Any, float, BaseException], Any]

_NOBODY: Final = object()
"""The key of the last call while there was none."""


def as_it_is(answer: Any, age: float, error: BaseException) -> Any:
    """Serve an old answer without a mark."""
    return answer


@tells_arguments
class GoodAnswers:
    """Where one operation keeps its good answers, for which errors they are served (those of
    `handles`, and refusals in any case), and how they are marked then. Thread-safe.
    """

    def __init__(
        self,
        store: LastGood,
        *,
        operation: str,
        service: str,
        key: Callable[..., Hashable],
        arguments: Iterable[str] = (),
        handles: Expected | Iterable[Expected] | None = None,
        stale: Stale = as_it_is,
    ) -> None:
        owner = f"recovery of {operation!r}"
        if not all(hasattr(store, name) for name in ("put", "get", "now")):
            raise ConfigurationError(
                f"{owner}: last_good must keep answers as MemoryLastGood does, not {store!r}"
            )
        for option, given in (("key", key), ("stale", stale)):
            if not callable(given):
                raise ConfigurationError(f"{owner}: {option} must be a function, not {given!r}")
        self.store, self.operation, self.service, self.key = store, operation, service, key
        self.arguments, self.stale = tuple(arguments), stale
        self._handles = matcher(handles, "handles")
        self._last_key: Any = _NOBODY
        self._complained = False

    def remembering(self, inner: Invoke) -> Invoke:
        """`inner`, with its good answers kept; a store that fails costs nobody the answer."""
        store, key_of = self.store, self.key

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            try:
                asked_at = store.now()
            except Exception as error:
                self._complain(error)
                return inner(function, args, kwargs)
            answer = inner(function, args, kwargs)
            try:
                key = self._last_key = key_of(*args, **kwargs)
                store.put(key, answer, asked_at)
            except Exception as error:
                self._complain(error)
            return answer

        return invoke

    def of_call(self, args: Any, kwargs: Any) -> GoodAnswer | None:
        """The good answer for a call; None when its key cannot be told."""
        try:
            key = self._last_key = self.key(*args, **kwargs)
        except Exception as error:  # the call has an error of its own to tell of
            self._complain(error)
            return None
        return GoodAnswer(self, key)

    def rehearsed(self, given: dict[str, Any]) -> GoodAnswer:
        """The good answer for these arguments by their names; where one is missing, for those of
        the last call. Raises ConfigurationError for an argument that cannot be one."""
        key = self._last_key
        if all(name in given for name in self.arguments):
            key = tuple(given[name] for name in self.arguments)
        try:
            hash(key)
        except TypeError:
            wanted = ", ".join(self.arguments)
            raise ConfigurationError(f"{self.operation} takes plain values of {wanted}") from None
        return GoodAnswer(self, key)

    def handles(self, error: Exception) -> bool:
        """Whether an old answer is better than this error."""
        return (
            self._handles is None
            or isinstance(error, CallRefusedError)
            or holds(self._handles, error, f"handles of {self.operation!r}")
        )

    def _complain(self, error: Exception) -> None:
        """Once: what cannot be kept now cannot be kept with any call."""
        if not self._complained:
            self._complained = True
            logger.error("good answers of %s cannot be kept", self.operation, exc_info=error)


class GoodAnswer:
    """The last good answer for one call that failed; looked for once."""

    __slots__ = ("_answers", "_found", "_key", "_looked", "age")

    def __init__(self, answers: GoodAnswers, key: Hashable) -> None:
        self._answers, self._key = answers, key
        self._looked = False
        self._found: tuple[Any, float] | None = None
        self.age: float | None = None
        """Of the answer in seconds, once it was served."""

    def declined(self, error: Exception) -> Declined | None:
        """Why it is not served in the place of an error; None when it can be."""
        if not self._answers.handles(error):
            return Declined("an old answer is no help against this error")
        if self._key is _NOBODY:
            return Declined("nobody has asked for it yet")
        if self._find() is None:
            return Declined("there is no good answer that is young enough")
        return None

    def serve(self, error: Exception, *, rehearsal: bool = False) -> Any:
        """The answer, marked."""
        found = self._find()
        if found is None:
            return Declined("there is no good answer that is young enough")
        answer, self.age = found
        marked = self._answers.stale(answer, self.age, error)
        if not rehearsal:
            publish((Degraded(self._answers.service, "last-good", error, self.age),))
        return marked

    def _find(self) -> tuple[Any, float] | None:
        if not self._looked:
            self._looked = True
            try:
                self._found = self._answers.store.get(self._key)
            except Exception:  # the store's failure must not hide the call's
                logger.exception("no good answer of %s can be found", self._answers.operation)
        return self._found


@tells_arguments
def cache_fallback(*, name: str = CACHE_FALLBACK, priority: int = 8) -> RecoveryAction:
    """Serves the last good answer of an operation that keeps them: `Recovery(last_good=store)`."""

    def should_execute(error: Exception, context: RecoveryContext) -> bool | Declined:
        if context.good is None:
            return Declined("the operation keeps no good answer for this call")
        declined = context.good.declined(error)
        return True if declined is None else declined

    def execute(error: Exception, context: RecoveryContext) -> Any:
        assert context.good is not None
        return context.good.serve(error, rehearsal=context.rehearsal)

    return RecoveryAction(
        name=name,
        priority=priority,
        concerns=lambda context: context.good is not None,
        should_execute=should_execute,
        execute=execute,
        concurrent=True,
        serves_good_answers=True,
    )
