"""Last good answers in memory as compressed JSON: many operations within one budget of bytes.

As live objects, the answers of a large library take ten times as much, and nobody could tell how
much without looking at each of their parts.
"""

from __future__ import annotations

import weakref
import zlib
from collections.abc import Callable, Hashable
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from medianest.resilience import Clock, MemoryLastGood

__all__ = ["KEPT", "VERSION", "Packed", "PackedMemory", "packed_memory"]

VERSION: Final = 1
"""A new number where the same JSON comes to mean something else, such as other units."""

KEPT: Final = {"kept": True}
"""Tells models that what they are made into is kept, and read again by themselves."""

_QUICKLY: Final = 1
"""zlib's level: JSON shrinks to a sixth, and to no eighth with the best."""

T = TypeVar("T")


def _nobody() -> None:
    return None


class Packed:
    """An answer as it is kept; `of` leads to the answer while somebody else has it."""

    __slots__ = ("data", "of")

    def __init__(self, data: bytes, of: Callable[[], Any] = _nobody) -> None:
        self.data, self.of = data, of

    def __len__(self) -> int:
        return len(self.data)


def packed_memory(
    max_age: float, clock: Clock, *, max_bytes: int | None = None, max_entries: int | None = None
) -> MemoryLastGood[Packed]:
    """The memory of one or several operations, in bytes of what is kept or in entries."""
    return MemoryLastGood(
        max_age,
        max_entries=max_entries,
        max_bytes=max_bytes,
        size_of=len if max_bytes is not None else None,
        clock=clock,
    )


class PackedMemory(Generic[T]):
    """The part of a memory that holds the answers of the operation `name`. Thread-safe."""

    def __init__(
        self, name: str, max_age: float, adapter: TypeAdapter[T], memory: MemoryLastGood[Packed]
    ) -> None:
        self._name, self._max_age = name, max_age
        self._adapter, self._memory = adapter, memory

    @property
    def entries(self) -> int:
        """How many of its answers are kept, those that are too old included."""
        return sum(1 for name, _ in map(_parts, self._memory.keys()) if name == self._name)

    def put(self, key: Hashable, value: T, asked_at: float) -> None:
        """Keep an answer, unless a newer one, or this very one, is kept."""
        kept = self._memory.get((self._name, key))
        if kept is not None:
            packed, age = kept
            if packed.of() is value or self._memory.now() - age > asked_at:
                return
        data = zlib.compress(self._adapter.dump_json(value, context=KEPT), _QUICKLY)
        self._memory.put((self._name, key), Packed(data, _reference(value)), asked_at)

    def get(self, key: Hashable) -> tuple[T, float] | None:
        """The answer for `key` and its age in seconds."""
        kept = self._memory.get((self._name, key))
        if kept is None or kept[1] > self._max_age:
            return None
        packed, age = kept
        value = packed.of()
        if value is None:
            try:
                value = self._adapter.validate_json(zlib.decompress(packed.data))
            except (ValidationError, zlib.error):  # written by another process, or by none of ours
                return None
        return value, age

    def has(self, key: Hashable) -> bool:
        """Whether there is an answer for `key`."""
        kept = self._memory.get((self._name, key))
        return kept is not None and kept[1] <= self._max_age


def _reference(value: Any) -> Callable[[], Any]:
    """Leads to a value without keeping it, where that can be."""
    try:
        return weakref.ref(value)
    except TypeError:
        return _nobody


def _parts(key: Any) -> tuple[str, Hashable]:
    """Of a key of the memory: the operation, and the key there."""
    name, own = key
    return name, own
