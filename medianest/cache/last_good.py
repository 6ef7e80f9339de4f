"""Last good answers in two tiers: this process's memory, and Redis, which all workers share and
which outlives their restart."""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from medianest.cache.last_good_figures import LastGoodCounts, LastGoodFigures
from medianest.cache.packed import KEPT, VERSION, Packed, PackedMemory, packed_memory
from medianest.cache.redis import MOST_BYTES, RedisServer, Shelf, Stamped
from medianest.resilience import CallRefusedError, Clock, MemoryLastGood
from medianest.resilience.clock import elapsed_of
from medianest.resilience.steps import ClockSteps
from medianest.storage.errors import CacheError

__all__ = ["TieredLastGood"]

logger = logging.getLogger(__name__)

_NAMESPACE: Final = f"medianest:last-good:v{VERSION}"

# An answer serves for an hour or a day, so that one which is five seconds older is as good. With
# many calls a second, writing each would cost each the way to Redis, for nothing that anybody
# could notice. What fails is not tried again sooner either: a Redis that hangs must not hold up
# call after call.
_WRITE_SECONDS: Final = 5.0

# Another worker may have asked since we did. While the source is away, that is unlikely, and what
# is not old needs nothing newer.
_YOUNG_SECONDS: Final = 60.0
_READ_SECONDS: Final = 5.0

_MOST_SHARED: Final = 500
"""Answers of one operation in Redis: clients may page through all there is, in many ways."""

# A short text can stand for much, and each fault in it costs, too.
_MOST_VALUES: Final = 25_000

_SKEW_SECONDS: Final = 60.0
"""Clocks of hosts may differ so much. An answer from farther in the future has a wrong time."""

T = TypeVar("T")


class TieredLastGood(Generic[T]):
    """The last good answers of one operation, as Fallback wants them kept. Thread-safe.

    `name` says of which operation, and for what; keys must be such as JSON can hold. `adapter`
    writes and checks the answers. `accept` says which are good. `memory` may be shared by several
    operations; None: one of its own for `max_entries` answers. Without `redis` it is memory
    alone. Trouble with Redis never shows: there are only fewer answers.
    """

    def __init__(
        self,
        name: str,
        max_age: float,
        adapter: TypeAdapter[T],
        *,
        clock: Clock,
        redis: RedisServer | None = None,
        accept: Callable[[T], bool] = lambda value: True,
        memory: MemoryLastGood[Packed] | None = None,
        max_entries: int = 256,
    ) -> None:
        self.name, self.max_age = name, max_age
        self._adapter, self._accept = adapter, accept
        self._clock, self._redis = clock, redis
        self._elapsed, self._steps = elapsed_of(clock), ClockSteps(clock)
        if memory is None:
            memory = packed_memory(max_age, clock, max_entries=max_entries)
        self._memory = PackedMemory(name, max_age, adapter, memory)
        self._shelf = Shelf(f"{_NAMESPACE}:{name}", _MOST_SHARED, max_age)
        self._writes = _Seldom(_WRITE_SECONDS, clock, max_entries)
        self._reads = _Seldom(_READ_SECONDS, clock, max_entries)
        self._tally = LastGoodCounts()
        self._complained = False

    def now(self) -> float:
        """Monotonic seconds, those asleep among them: an answer grows old meanwhile, too."""
        return self._elapsed()

    def put(self, key: Hashable, value: T, asked_at: float) -> None:
        """Keep `value`, if it is accepted and not older than what is kept."""
        if not self._accept(value):
            return
        self._memory.put(key, value, asked_at)
        if self._redis is not None and self._writes.is_time(key):
            self._tally.note_write(self._written(self._redis, key, value, asked_at))

    def get(self, key: Hashable) -> tuple[T, float] | None:
        """The newest answer that is known for `key`, and its age in seconds."""
        kept = self._memory.get(key)
        self._tally.note("memory", "misses" if kept is None else "hits")
        shared = self._shared(key, kept)
        if shared is not None and (kept is None or shared[1] < kept[1]):
            self._memory.put(key, shared[0], self.now() - shared[1])
            self._tally.note_look_up("redis")
            return shared
        self._tally.note_look_up(None if kept is None else "memory")
        return kept

    def has(self, key: Hashable) -> bool:
        """Whether there is an answer for `key`. Redis is asked when memory has none."""
        return self._memory.has(key) or self.get(key) is not None

    def snapshot(self) -> LastGoodFigures:
        """How often answers were looked for and found."""
        return self._tally.figures(
            self.name,
            max_age=self.max_age,
            entries=self._memory.entries,
            has_redis=self._redis is not None,
        )

    def _shared(self, key: Hashable, kept: tuple[T, float] | None) -> tuple[T, float] | None:
        """What Redis has, where it is worth asking."""
        if self._redis is None:
            return None
        if kept is not None and (kept[1] <= _YOUNG_SECONDS or not self._reads.is_time(key)):
            return None
        try:
            found = self._read(self._redis, key)
        except Exception as error:  # the caller has an error of its own to tell of
            self._complain(error)
            self._tally.note("redis", "failures")
            return None
        self._tally.note("redis", "misses" if found is None else "hits")
        return found

    def _read(self, redis: RedisServer, key: Hashable) -> tuple[T, float] | None:
        stamped = redis.get(self._name_of(key))
        if stamped is None:
            return None
        written_at = stamped.stamp / 1000
        if written_at > self._clock.utc().timestamp() + _SKEW_SECONDS:
            return None
        age = self._steps.age(datetime.fromtimestamp(written_at, UTC))
        if age > self.max_age:
            return None
        if not _is_handy(stamped.value):
            return None
        try:
            value = self._adapter.validate_json(stamped.value)
        except ValidationError:  # written by another version, or by nobody of ours
            return None
        return (value, max(0.0, age)) if self._accept(value) else None

    def _written(self, redis: RedisServer, key: Hashable, value: T, asked_at: float) -> bool:
        age = max(0.0, self.now() - asked_at)
        if age >= self.max_age:
            return False
        now = self._clock.utc().timestamp()
        latest = _stamp(now + _SKEW_SECONDS)
        try:
            stamped = Stamped(_stamp(now - age), self._adapter.dump_json(value, context=KEPT))
            if not _is_handy(stamped.value):
                return False
            ttl = self.max_age - age
            redis.put(self._name_of(key), stamped, ttl, latest=latest, shelf=self._shelf)
        except Exception as error:  # it is in memory all the same
            self._complain(error)
            return False
        return True

    def _name_of(self, key: Hashable) -> str:
        """The same in every process, and another one for each key: JSON tells 1, "1" and true
        apart."""
        return f"{_NAMESPACE}:{self.name}:{json.dumps(key, separators=(',', ':'))}"

    def _complain(self, error: Exception) -> None:
        """Of what is no trouble with Redis, once: that has been said where it was seen."""
        if isinstance(error, CacheError | CallRefusedError) or self._complained:
            return
        self._complained = True
        logger.error("last good answers of %s cannot be shared", self.name, exc_info=error)


class _Seldom:
    """Says once in some seconds that it is time, for each of the `most` last keys. Thread-safe."""

    def __init__(self, seconds: float, clock: Clock, most: int) -> None:
        self._seconds, self._clock, self._most = seconds, clock, most
        self._lock = threading.Lock()
        self._last: OrderedDict[Hashable, float] = OrderedDict()

    def is_time(self, key: Hashable) -> bool:
        """Whether it is, and then not again soon."""
        now = self._clock.now()
        if not self._has_passed(key, now):  # most calls end here, without the lock
            return False
        with self._lock:
            if not self._has_passed(key, now):
                return False
            self._last[key] = now
            self._last.move_to_end(key)
            if len(self._last) > self._most:
                self._last.popitem(last=False)
        return True

    def _has_passed(self, key: Hashable, now: float) -> bool:
        last = self._last.get(key)
        return last is None or now - last >= self._seconds


def _is_handy(value: bytes) -> bool:
    """Whether it is worth its way to Redis and back, and does no harm."""
    marks = sum(value.count(mark) for mark in (b",", b"[", b"{"))
    return len(value) <= MOST_BYTES and marks <= _MOST_VALUES


def _stamp(seconds: float) -> int:
    return round(seconds * 1000)
