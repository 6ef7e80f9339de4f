"""Fallback: an answer when the call has none: a value, a function, or the last good answer."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from types import FunctionType, MethodType
from typing import Any, Generic, Protocol, TypeVar

from medianest.resilience.clock import Clock, as_clock
from medianest.resilience.errors import CallRefusedError, ConfigurationError
from medianest.resilience.events import Degraded, publish
from medianest.resilience.options import checked_name, is_number
from medianest.resilience.outcome import Expected, causes_within_call, matcher
from medianest.resilience.strategy import Invoke, Strategy

__all__ = ["Fallback", "LastGood", "MemoryLastGood"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_MISSING: Any = object()


class LastGood(Protocol):
    """Where last good answers are kept."""

    def put(self, key: Hashable, value: Any) -> None:
        """Keep `value` as the last good answer for `key`."""

    def get(self, key: Hashable) -> tuple[Any, float] | None:
        """The last good answer and its age in seconds, unless there is none young enough."""


class MemoryLastGood(Generic[T]):
    """The last good answers of one operation, in memory. Thread-safe.

    Keeps `max_entries` answers, the least recently used going first, each for `max_age` seconds.
    `accept` says which answers are good: one that is not never replaces one that was.
    """

    def __init__(
        self,
        max_age: float,
        *,
        max_entries: int = 256,
        accept: Callable[[T], bool] = lambda value: True,
        clock: Clock | Callable[[], float] | None = None,
    ) -> None:
        if not (is_number(max_age) and is_number(max_entries) and max_age > 0 and max_entries >= 1):
            raise ConfigurationError(
                f"last-good answers take max_age above 0 and max_entries of at least 1, "
                f"not {max_age!r} and {max_entries!r}"
            )
        self.max_age, self.max_entries = max_age, max_entries
        self._accept = accept
        self._clock = as_clock(clock)
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[T, float]] = OrderedDict()

    def put(self, key: Hashable, value: T) -> None:
        """Keep `value`, if it is accepted."""
        if not self._accept(value):
            return
        now = self._clock.now()
        with self._lock:
            self._kept[key] = (value, now)
            self._kept.move_to_end(key)
            if len(self._kept) > self.max_entries:
                self._kept.popitem(last=False)

    def get(self, key: Hashable) -> tuple[T, float] | None:
        """The answer for `key` and its age in seconds."""
        now = self._clock.now()
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            value, since = kept
            if now - since > self.max_age:
                del self._kept[key]
                return None
            self._kept.move_to_end(key)
            return value, now - since


Stale = Callable[[Any, float, BaseException], Any]


class Fallback(Strategy):
    """Answers in the place of a call that failed or was refused.

    `Fallback(lambda error: [])` computes the answer; `Fallback(value=[])` is a fixed one;
    `Fallback(last_good=store)` serves the last good answer of the same function for the same
    arguments (which must be hashable, or give `key(*args, **kwargs)`), and lets `handler` answer,
    or the error pass, when there is none.
    `stale(answer, age, error)` marks what is served so that the caller can tell.
    `handles` limits it to some errors, in the forms of `expected_errors`; refusals are always
    handled. A BaseException that is not an Exception always passes.
    """

    def __init__(
        self,
        handler: Callable[[BaseException], Any] | None = None,
        *,
        name: str = "call",
        handles: Expected | Iterable[Expected] | None = None,
        last_good: LastGood | None = None,
        key: Callable[..., Hashable] | None = None,
        stale: Stale = lambda answer, age, error: answer,
        value: Any = _MISSING,
    ) -> None:
        self.name = checked_name(name, "fallback")
        if handler is not None and (value is not _MISSING or not callable(handler)):
            raise ConfigurationError(
                f"fallback {name!r}: give a function (error) -> answer, or value=, not both"
            )
        if handler is None and value is _MISSING and last_good is None:
            raise ConfigurationError(f"fallback {name!r}: give a function, value= or last_good=")
        self._handler = handler if value is _MISSING else (lambda error: value)
        self._handles = matcher(handles, "handles")
        self._last_good = last_good
        self._key = key
        self._stale = stale
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
            result = inner(function, args, kwargs)
            try:
                store.put(self._key_of(function, args, kwargs), result)
            except Exception:  # the answer is good all the same
                logger.exception("fallback %r cannot keep a good answer", self.name)
            return result

        return invoke

    def _is_handled(self, error: Exception) -> bool:
        return (
            self._handles is None
            or isinstance(error, CallRefusedError)
            or self._handles(error, causes_within_call)
        )

    def _answer(
        self, error: Exception, function: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        kept = self._recall(function, args, kwargs) if self._last_good is not None else None
        if kept is not None:
            publish((Degraded(self.name, "last-good", error, kept[1]),))
            return self._stale(*kept, error)
        if self._handler is None:
            raise error
        answer = self._handler(error)
        publish((Degraded(self.name, "fallback", error),))
        return answer

    def _recall(
        self, function: Callable[..., Any], args: Any, kwargs: Any
    ) -> tuple[Any, float] | None:
        assert self._last_good is not None
        try:
            return self._last_good.get(self._key_of(function, args, kwargs))
        except Exception:  # the store's failure must not hide the call's
            logger.exception("fallback %r cannot look for a good answer", self.name)
            return None

    def _key_of(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Hashable:
        if self._key is not None:
            return self._key(*args, **kwargs)
        named = tuple(sorted(kwargs.items()))
        kinds = tuple(map(type, (*args, *kwargs.values())))  # as 1 == True
        return _identity(function), args, named, kinds


def _identity(function: Callable[..., Any]) -> Hashable:
    """The same for each lambda or closure made at one place with the same values around it."""
    if isinstance(function, partial):
        return _identity(function.func), function.args, tuple(sorted(function.keywords.items()))
    if isinstance(function, MethodType):
        return function.__self__, _identity(function.__func__)
    if not isinstance(function, FunctionType):
        return function
    around = tuple(cell.cell_contents for cell in function.__closure__ or ())
    try:
        hash(around)
    except TypeError:  # only the function itself tells then
        return function
    return function.__code__, around
