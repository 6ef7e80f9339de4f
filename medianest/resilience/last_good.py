"""Last good answers: where they are kept, in memory or elsewhere."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, Protocol, TypeVar

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.clock import Clock, as_clock, elapsed_of
from medianest.resilience.errors import ConfigurationError
from medianest.resilience.options import is_number, is_whole

__all__ = ["LastGood", "MemoryLastGood"]

T = TypeVar("T")

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
        self._elapsed = elapsed_of(as_clock(clock))
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

    def items(self) -> list[tuple[Hashable, T, float]]:
        """What is kept, the least recently used first: keys, answers, and when each was asked for,
        in monotonic seconds; those that are too old included."""
        with self._lock:
            return [(key, value, since) for key, (value, since, _) in self._kept.items()]

    def now(self) -> float:
        """Monotonic seconds, those asleep among them: an answer grows old meanwhile, too."""
        return self._elapsed()

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
        now = self._elapsed()
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
