"""The failed calls of one operation that an action answered, from the first to the next success:
counted, so that an outage of thousands of calls is one record."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from medianest.resilience.counter import LockFreeCounter
from medianest.resilience.recovery.record import RecoveryRecord, Step, StepOutcome

__all__ = ["Answered", "Outage"]

_QUIET: Final = 300.0
"""Seconds after which an outage is over of which nobody has noticed anything since."""

_AGAIN: Final = 60.0
"""Seconds after a success within which another failure is the same outage: where every second
call fails, each would be one of its own."""

_TOLD: Final = 60.0
"""Seconds between two tellings of one that lasts."""

_DESCRIBED: Final = 1.0
"""Seconds for which the message of the last error is good enough: making it costs as much as all
the rest of a refused call."""


class Answered(Protocol):
    """A failed call that an action answered."""

    service: str
    operation: str
    error: Exception
    steps: list[Step]
    by: str
    """The name of the action that answered."""
    seconds: float
    repeats: object
    """None, or the actions of which one served a last good answer and no other had a say: while
    they are the same, the next call that fails needs none of them asked."""

    @property
    def attempts(self) -> int:
        """How often the operation was run."""
        ...

    @property
    def age(self) -> float | None:
        """Of the last good answer in seconds, if it was one."""
        ...

    def record(self) -> RecoveryRecord:
        """The record of this call alone."""
        ...


class Outage:
    """Grows with each call. Only `repeat` and what it reads are thread-safe; all else is done
    under the lock of the history. Times are monotonic seconds."""

    def __init__(self, first: RecoveryRecord, call: Answered, now: float) -> None:
        self._first, self._began, self._last = first, now, now
        self._ended: float | None = None
        self._told = self._described = now
        self._calls, self._attempts, self._seconds = 1, first.attempts, first.seconds
        self.by, self.repeats = call.by, call.repeats
        self._oldest = first.oldest_age
        self._text = first.error_type, first.error_message
        self._steps: dict[tuple[str, StepOutcome], Step] = {}
        for step in first.steps:
            self._count_step(replace(step))
        self._repeated, self._folded = LockFreeCounter(), 0

    def repeat(self, now: float, age: float | None) -> None:
        """One more call that was answered as the last one was: the way of thousands of calls a
        second, so it takes no lock."""
        next(self._repeated.ticks)
        self._last = now
        if age is not None and (self._oldest is None or age > self._oldest):
            self._oldest = age

    def fold(self) -> int:
        """Count what was repeated since the last fold; how often."""
        repeated = self._repeated.read()
        new, self._folded = repeated - self._folded, repeated
        if new:
            self._calls += new
            self._attempts += new
            self._steps[self.by, "returned"].count += new
        return new

    def is_past(self, now: float) -> bool:
        """Whether another failure would be another outage."""
        if self._ended is not None and now - self._ended > _AGAIN:
            return True
        return now - self._last > _QUIET

    def is_time_to_tell(self, now: float) -> bool:
        """Whether it has grown, and was not told for a while; then it counts as told."""
        if self._last <= self._told or now - self._told < _TOLD:
            return False
        self._told = now
        return True

    def wants_text(self, now: float) -> bool:
        """Whether the error of this call should be described."""
        return now - self._described >= _DESCRIBED

    def count(self, call: Answered, text: tuple[str, str] | None, now: float) -> None:
        """One more call; `text` describes its error where that is wanted. Fold before."""
        self._calls += 1
        self._last, self._ended = now, None
        self._attempts += call.attempts
        self._seconds += call.seconds
        self.by, self.repeats = call.by, call.repeats
        if call.age is not None and (self._oldest is None or call.age > self._oldest):
            self._oldest = call.age
        if text is not None:
            self._text, self._described = text, now
        for step in call.steps:
            self._count_step(step)

    def _count_step(self, step: Step) -> None:
        key = step.action, step.outcome
        known = self._steps.get(key)
        if known is not None:
            step.count += known.count
            step.seconds += known.seconds
        self._steps[key] = step

    def end(self, now: float | None) -> None:
        """It is over: the operation has succeeded, or (None) nobody has asked for it since."""
        self._ended = self._last if now is None else now

    def record(self) -> RecoveryRecord:
        """All of it as one record."""
        kind, message = self._text
        return replace(
            self._first,
            recovered_by=self.by,
            error_type=kind,
            error_message=message,
            attempts=self._attempts,
            seconds=self._seconds,
            steps=tuple(replace(step) for step in self._steps.values()),
            count=self._calls,
            last_at=self._time_of(self._last),
            ended_at=None if self._ended is None else self._time_of(self._ended),
            oldest_age=self._oldest,
        )

    def _time_of(self, moment: float) -> datetime:
        return self._first.at + timedelta(seconds=moment - self._began)
