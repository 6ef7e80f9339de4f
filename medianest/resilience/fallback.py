"""Fallback: an answer when the call has none: a value, a function, or the last good answer."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, Protocol, TypeVar

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.clock import Clock, as_clock
from medianest.resilience.errors import CallRefusedError, ConfigurationError
from medianest.resilience.events import Degraded, publish
from medianest.resilience.given_up import GIVEN_UP
from medianest.resilience.handlers import Handler, answering
from medianest.resilience.options import checked_name, is_number, is_whole
from medianest.resilience.outcome import Expected, holds, matcher, note_once, raise_again
from medianest.resilience.snapshot import describe
from medianest.resilience.strategy import Invoke, Strategy, question_of

__all__ = ["Fallback", "LastGood", "MemoryLastGood"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_MISSING: Any = object()

_MOST_ENTRIES = 256
_ENTRY_BYTES = 512
"""What a key, a time and a place in the dict take, about."""


class LastGood(Protocol):
    """Where last good answers are kept."""

    def put(self, key: Hashable, value: Any, asked_at: float) -> None:
        """Keep `value` as the last good answer for `key`, unless it has one that was asked for
        later than `asked_at`, monotonic seconds of its clock."""

    def now(self) -> float:
        """Monotonic seconds of its clock."""
        ...

    def get(self, key: Hashable) -> tuple[Any, float] | None:
        """The last good answer and its age in seconds, unless there is none young enough."""


@tells_arguments
class MemoryLastGood(Generic[T]):
    """The last good answers of one operation, in memory. Thread-safe.

    Keeps `max_entries` answers (256 unless there is another bound), and of them so many as take
    `max_bytes` by `size_of(answer)`, the least recently used going first, each for `max_age`
    seconds. An answer larger than `max_bytes` is not kept, and 512 bytes are added to the size of
    each for its key and its place. `accept` says which answers are good: one that is not never
    replaces one that was. Answers are kept and served as they are, not as copies: let them be
    such as nobody changes.
    """

    def __init__(
        self,
        max_age: float,
        *,
        max_entries: int | None = None,
        max_bytes: int | None = None,
        size_of: Callable[[T], int] | None = None,
        accept: Callable[[T], bool] = lambda value: True,
        clock: Clock | Callable[[], float] | None = None,
    ) -> None:
        if max_entries is None and max_bytes is None:
            max_entries = _MOST_ENTRIES
        bounds = [bound for bound in (max_entries, max_bytes) if bound is not None]
        wholes = all(is_whole(bound, at_least=1, at_most=2**50) for bound in bounds)
        if not (is_number(max_age) and max_age > 0 and wholes):
            raise ConfigurationError(
                f"last-good answers take max_age above 0, max_entries and max_bytes of at least "
                f"1, not {max_age!r}, {max_entries!r} and {max_bytes!r}"
            )
        if not callable(accept):
            raise ConfigurationError(f"accept must be a function (answer) -> bool, not {accept!r}")
        if (max_bytes is None) != (size_of is None) or not (size_of is None or callable(size_of)):
            raise ConfigurationError("max_bytes takes size_of, a function (answer) -> bytes")
        self.max_age, self.max_entries, self.max_bytes = max_age, max_entries, max_bytes
        self._accept, self._size_of = accept, size_of
        self._clock = as_clock(clock)
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[T, float, int]] = OrderedDict()
        self._bytes = 0

    @property
    def entries(self) -> int:
        """How many answers are kept, those that are too old included."""
        return len(self._kept)

    @property
    def bytes(self) -> int:
        """What they take, where that is bounded; else 0."""
        return self._bytes

    def keys(self) -> list[Hashable]:
        """For what answers are kept, those that are too old included."""
        with self._lock:
            return list(self._kept)

    def now(self) -> float:
        """Monotonic seconds."""
        return self._clock.now()

    def put(self, key: Hashable, value: T, asked_at: float) -> None:
        """Keep `value`, if it is accepted and not older than what is kept."""
        if not self._accept(value):
            return
        size = self._size_of(value) + _ENTRY_BYTES if self._size_of is not None else 0
        if self.max_bytes is not None and size > self.max_bytes:
            return
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept[1] > asked_at:
                return
            self._bytes += size - (kept[2] if kept is not None else 0)
            self._kept[key] = (value, asked_at, size)
            self._kept.move_to_end(key)
            while self._is_over():
                self._bytes -= self._kept.popitem(last=False)[1][2]

    def get(self, key: Hashable) -> tuple[T, float] | None:
        """The answer for `key` and its age in seconds."""
        now = self._clock.now()
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            value, since, size = kept
            if now - since > self.max_age:
                del self._kept[key]
                self._bytes -= size
                return None
            self._kept.move_to_end(key)
            return value, now - since

    def has(self, key: Hashable) -> bool:
        """Whether there is an answer for `key`."""
        return self.get(key) is not None

    def _is_over(self) -> bool:
        if self.max_entries is not None and len(self._kept) > self.max_entries:
            return True
        return self.max_bytes is not None and self._bytes > self.max_bytes


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
        name: str = "call",
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
                self._complain(error)
                return inner(function, args, kwargs)
            result = inner(function, args, kwargs)
            try:
                store.put(self._key_of(function, args, kwargs), result, asked_at)
            except Exception as error:  # the answer is good all the same
                self._complain(error)
            return result

        return invoke

    def _complain(self, error: Exception) -> None:
        """Once: what cannot be kept now cannot be kept with any call."""
        if not self._complained:
            self._complained = True
            logger.error("fallback %r cannot keep good answers", self.name, exc_info=error)

    def _is_handled(self, error: Exception) -> bool:
        return (
            self._handles is None
            or isinstance(error, CallRefusedError)
            or holds(self._handles, error, f"handles of fallback {self.name!r}")
        )

    def _answer(
        self, error: Exception, function: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        kept = None if self._last_good is None else self._recall(error, function, args, kwargs)
        if kept is not None:
            GIVEN_UP.answered()
            publish((Degraded(self.name, "last-good", error, kept[1]),))
            return kept[0]
        if self._handler is None:
            raise_again(error)
        try:
            answer = self._handler(error)
        except Exception as own:
            if own is not error:
                # As a note, not as its context: what is outside must not take it for its cause.
                instead = "{}: {}".format(*describe(error))
                note_once(own, f"fallback {self.name!r}: raised in the place of", instead)
            raise
        GIVEN_UP.answered()
        publish((Degraded(self.name, "fallback", error),))
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
            logger.exception("fallback %r cannot look for a good answer", self.name)
            return None

    def _key_of(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Hashable:
        if self._key is not None:
            return self._key(*args, **kwargs)
        return question_of(function, args, kwargs)
