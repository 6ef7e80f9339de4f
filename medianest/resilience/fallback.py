"""Fallback: an answer when the call has none: a value, a function, or the last good answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.errors import CallRefusedError, ConfigurationError
from medianest.resilience.events import Degraded, publish
from medianest.resilience.given_up import GIVEN_UP
from medianest.resilience.handlers import Handler, answering
from medianest.resilience.last_good import LastGood
from medianest.resilience.naming import UNNAMED, name_for
from medianest.resilience.options import checked_name
from medianest.resilience.outcome import Expected, holds, matcher, reraise, set_note
from medianest.resilience.snapshot import describe
from medianest.resilience.strategy import Invoke, Strategy, question_of

__all__ = ["Fallback"]

logger = logging.getLogger(__name__)

_MISSING: Any = object()

Stale = Callable[[Any, float, BaseException], Any]


@tells_arguments
class Fallback(Strategy):
    """Answers in the place of a call that failed or was refused.

    `Fallback(lambda error: [])` computes the answer, also from nothing: `Fallback(lambda: [])`;
    `Fallback(value=[])` is a fixed one;
    `Fallback(last_good=store)` serves the last good answer of the same function for the same
    arguments, and lets `handler` answer, or the error pass, when there is none. Where the answer
    depends on more than its arguments (who is logged in), where they are not hashable, or where
    each call has a new function (a lambda), give `key(*args, **kwargs)`.
    `stale(answer, age, error)` marks what is served so that the caller can tell.
    `handles` limits it to some errors, in the forms of `expected_errors`; refusals are always
    handled. A BaseException that is not an Exception always passes.
    """

    def __init__(
        self,
        handler: Handler | None = None,
        *,
        name: str = UNNAMED,
        handles: Expected | Iterable[Expected] | None = None,
        last_good: LastGood | None = None,
        key: Callable[..., Hashable] | None = None,
        stale: Stale = lambda answer, age, error: answer,
        value: Any = _MISSING,
    ) -> None:
        self.name = checked_name(name, "fallback")
        if handler is not None and value is not _MISSING:
            raise ConfigurationError(
                f"fallback {name!r}: give a function (error) -> answer, or value=, not both"
            )
        if handler is None and value is _MISSING and last_good is None:
            raise ConfigurationError(f"fallback {name!r}: give a function, value= or last_good=")
        if last_good is not None and not all(hasattr(last_good, n) for n in ("put", "get", "now")):
            raise ConfigurationError(
                f"fallback {name!r}: last_good must keep answers as MemoryLastGood does, "
                f"not {last_good!r}"
            )
        for option, given in (("key", key), ("stale", stale)):
            if given is not None and not callable(given):
                raise ConfigurationError(
                    f"fallback {name!r}: {option} must be a function, not {given!r}"
                )
        self.value = None if value is _MISSING else value
        """The fixed answer, where there is one."""
        self._handler = None if handler is None else answering(handler, f"fallback {name!r}")
        if value is not _MISSING:
            self._handler = lambda error: value
        self._handles = matcher(handles, "handles")
        self._last_good = last_good
        self._key = key
        self._stale = stale
        self._complained = False
        super().__init__()

    @property
    def remembers(self) -> bool:
        """Whether it serves last good answers."""
        return self._last_good is not None

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose the fallback around `inner`."""
        remembering = self._remember(inner) if self._last_good is not None else inner

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            try:
                return remembering(function, args, kwargs)
            except Exception as error:
                if not self._is_handled(error):
                    raise
                failed = error
            # Outside the handler, so that an error of the fallback's own keeps its own causes.
            try:
                return self._answer(failed, function, args, kwargs)
            finally:
                del failed

        return invoke

    def _remember(self, inner: Invoke) -> Invoke:
        store = self._last_good
        assert store is not None

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            try:
                asked_at = store.now()
            except Exception as error:  # the call is made all the same
                self._complain(error, function)
                return inner(function, args, kwargs)
            result = inner(function, args, kwargs)
            try:
                store.put(self._key_of(function, args, kwargs), result, asked_at)
            except Exception as error:  # the answer is good all the same
                self._complain(error, function)
            return result

        return invoke

    def _complain(self, error: Exception, function: Callable[..., Any]) -> None:
        """Once: what cannot be kept now cannot be kept with any call."""
        if not self._complained:
            self._complained = True
            name = name_for(self.name, function)
            logger.error("fallback %r cannot keep good answers", name, exc_info=error)

    def _is_handled(self, error: Exception) -> bool:
        return (
            self._handles is None
            or isinstance(error, CallRefusedError)
            or holds(self._handles, error, f"handles of fallback {self.name!r}")
        )

    def _answer(
        self, error: Exception, function: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        name = name_for(self.name, function)
        kept = None if self._last_good is None else self._recall(error, function, args, kwargs)
        if kept is not None:
            GIVEN_UP.answered()
            publish((Degraded(name, "last-good", error, kept[1]),))
            return kept[0]
        if self._handler is None:
            reraise(error)
        try:
            answer = self._handler(error)
        except Exception as own:
            if own is not error:
                # As a note, not as its context: what is outside must not take it for its cause.
                instead = "{}: {}".format(*describe(error))
                set_note(own, f"fallback {name!r}: raised in the place of", instead)
            raise
        GIVEN_UP.answered()
        publish((Degraded(name, "fallback", error),))
        return answer

    def _recall(
        self, error: Exception, function: Callable[..., Any], args: Any, kwargs: Any
    ) -> tuple[Any, float] | None:
        """The last good answer, marked, and its age."""
        assert self._last_good is not None
        try:
            kept = self._last_good.get(self._key_of(function, args, kwargs))
            return kept and (self._stale(*kept, error), kept[1])
        except Exception:  # a failure of ours must not hide the call's
            name = name_for(self.name, function)
            logger.exception("fallback %r cannot look for a good answer", name)
            return None

    def _key_of(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Hashable:
        if self._key is not None:
            return self._key(*args, **kwargs)
        return question_of(function, args, kwargs)
