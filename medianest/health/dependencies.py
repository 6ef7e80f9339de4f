"""A dependency as its health check and its circuit breaker see it together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from medianest.health.component import ComponentHealth
from medianest.health.status import STATUS_OF_STATE, Status
from medianest.resilience import (
    BreakerSnapshot,
    Bulkhead,
    BulkheadSnapshot,
    CircuitBreaker,
    Dependency,
    State,
)

__all__ = ["DependencyHealth", "is_cut_off"]


@dataclass(frozen=True, slots=True)
class DependencyHealth:
    """A dependency at one instant; `check`, `breaker` and `bulkhead` where it has one, and the
    breakers of its `operations`. `since` is when its status changed; one that is not configured
    `is_used` by nobody."""

    dependency: Dependency
    status: Status
    message: str | None
    since: datetime | None
    check: ComponentHealth | None
    breaker: BreakerSnapshot | None
    bulkhead: BulkheadSnapshot | None
    operations: tuple[BreakerSnapshot, ...] = ()
    is_used: bool = True

    @classmethod
    def of(
        cls, dependency: Dependency, check: ComponentHealth | None, is_used: bool = True
    ) -> DependencyHealth:
        """Look at a dependency now."""
        breaker = dependency.pipeline.find(CircuitBreaker)
        bulkhead = dependency.pipeline.find(Bulkhead)
        seen = breaker.snapshot() if breaker is not None else None
        operations = tuple(each.snapshot() for each in dependency.operations)
        found = _judged(check, seen, operations) if is_used else _NOT_CONFIGURED
        return cls(
            dependency,
            found.status,
            found.message,
            found.since,
            check,
            seen,
            bulkhead.snapshot() if bulkhead is not None else None,
            operations,
            is_used,
        )

    @property
    def name(self) -> str:
        """The name of the dependency."""
        return self.dependency.name

    @property
    def is_down(self) -> bool:
        """Whether its own health check says so; a breaker may be open for other reasons."""
        return self.check is not None and self.check.is_down

    @property
    def has_trouble(self) -> bool:
        """Whether its check passes but for something that it cannot do."""
        check = self.check
        return check is not None and check.status is Status.DEGRADED and bool(check.message)

    @property
    def is_cut_off(self) -> bool:
        """Whether its breaker lets no call through, and no operator wanted that."""
        return self.breaker is not None and is_cut_off(self.breaker)

    @property
    def is_being_tried(self) -> bool:
        """Whether its operations are about to be asked again, to find out whether it is well."""
        waiting = (State.OPEN, State.HALF_OPEN)
        parts = (self.breaker, *self.operations) if self.operations else ()
        return any(p is not None and p.state in waiting and not p.retry_after for p in parts)


def is_cut_off(seen: BreakerSnapshot) -> bool:
    """Whether a breaker lets no call through, and no operator wanted that."""
    return seen.state is State.OPEN and bool(seen.retry_after)


@dataclass(frozen=True, slots=True)
class _Opinion:
    """What one who looks says of a dependency."""

    status: Status
    message: str | None
    since: datetime | None


_NOT_CONFIGURED = _Opinion(Status.UNKNOWN, "it is not configured", None)


def _judged(
    check: ComponentHealth | None,
    breaker: BreakerSnapshot | None,
    operations: tuple[BreakerSnapshot, ...],
) -> _Opinion:
    """The check sees what is there, the breakers what becomes of real calls: the worst counts. An
    operator's word goes before all others, and the check's before those of breakers."""
    if breaker is not None and breaker.state is State.FORCED_OPEN:
        return _of_breaker(breaker)
    passes = check is not None and check.status is Status.HEALTHY
    opinions = [_of_check(check)] if check is not None else []
    if breaker is not None:
        opinions.append(_of_breaker(breaker, passes))
    opinions += _of_operations(operations)
    if check is None and not any(map(_was_called, (breaker, *operations))):
        opinions.append(
            _Opinion(Status.UNKNOWN, "it has no health check, and no call has been made yet", None)
        )
    worst = max(opinions, key=lambda opinion: opinion.status.severity_rank)
    if worst.status is not Status.HEALTHY:
        return worst
    # It is well since the last of them said so.
    return replace(worst, since=max(filter(None, (each.since for each in opinions)), default=None))


def _of_check(check: ComponentHealth) -> _Opinion:
    message = check.message if check.checked_at is not None else "not checked yet"
    return _Opinion(check.status, message, check.since)


_FIRST: Final = 1
"""The generation of a breaker that has never changed."""


def _of_breaker(breaker: BreakerSnapshot, check_passes: bool = False) -> _Opinion:
    """An open breaker of a dependency that passes its check only degrades it, and does so until a
    call has come through: that nobody calls proves nothing."""
    status, words = STATUS_OF_STATE[breaker.state], _words(breaker)
    if check_passes and breaker.state is State.OPEN:
        status, words = Status.DEGRADED, f"its check passes, but {words}"
    # One that has never changed is as old as this process, and its check may be known for longer.
    since = breaker.since if breaker.generation > _FIRST or not check_passes else None
    return _Opinion(status, words, since)


def _of_operations(operations: tuple[BreakerSnapshot, ...]) -> list[_Opinion]:
    """While one of its operations is cut off, it is not well, however well the rest of it is."""
    failing = [seen for seen in operations if STATUS_OF_STATE[seen.state] is not Status.HEALTHY]
    if not failing:
        return []
    message = "; ".join(f"{seen.name}: {_words(seen)}" for seen in failing)
    return [_Opinion(Status.DEGRADED, message, min(seen.since for seen in failing))]


def _was_called(breaker: BreakerSnapshot | None) -> bool:
    return breaker is not None and breaker.totals.successes + breaker.totals.failures > 0


def _words(breaker: BreakerSnapshot) -> str | None:
    if breaker.state is State.FORCED_OPEN:
        why = f": {breaker.reason}" if breaker.reason else ""
        return f"an operator has opened its circuit breaker{why}"
    if breaker.state is State.DISABLED:
        return f"its circuit breaker is off: {breaker.reason or 'an operator did it'}"
    if breaker.state is State.HALF_OPEN:
        return "it is recovering: a few calls are let through"
    if breaker.state is State.OPEN:
        last = f": {breaker.last_failure.message}" if breaker.last_failure is not None else ""
        # Not when: what counts down would be news at each look, and `next_attempt` says it.
        soon = "" if breaker.retry_after else "; the next call tries it again"
        return f"its calls fail{last}{soon}"
    return None
