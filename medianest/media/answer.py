"""An answer and how good it is: fresh from its source, or the last good one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from medianest.media.wire import TimeOfDay

__all__ = ["Answer", "stale"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Answer(Generic[T]):
    """`value` as it was at `as_of`; `age` in seconds; `degraded` when its source failed."""

    value: T
    as_of: TimeOfDay
    degraded: bool = False
    age: float = 0.0


def stale(answer: Answer[T], age: float, error: BaseException) -> Answer[T]:
    """The same answer served again, marked for what it is."""
    return replace(answer, degraded=True, age=age)
