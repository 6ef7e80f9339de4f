"""A dependency as its health check and its circuit breaker see it together."""

from __future__ import annotations

from dataclasses import dataclass

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
    breakers of its `operations`."""

    dependency: Dependency
    status: Status
    message: str | None
    check: ComponentHealth | None
    breaker: BreakerSnapshot | None
    bulkhead: BulkheadSnapshot | None
    operations: tuple[BreakerSnapshot, ...] = ()

    @classmethod
    def of(cls, dependency: Dependency, check: ComponentHealth | None) -> DependencyHealth:
        """Look at a dependency now."""
        breaker = dependency.pipeline.find(CircuitBreaker)
        bulkhead = dependency.pipeline.find(Bulkhead)
        seen = breaker.snapshot() if breaker is not None else None
        operations = tuple(each.snapshot() for each in dependency.operations)
        status, message = _with_operations(*_judged(check, seen), operations)
        return cls(
            dependency,
            status,
            message,
            check,
            seen,
            bulkhead.snapshot() if bulkhead is not None else None,
            operations,
        )

    @property
    def name(self) -> str:
        """The name of the dependency."""
        return self.dependency.name

    @property
    def is_new(self) -> bool:
        """Whether nobody has looked at it yet: it is neither well nor unwell."""
        return self.status is Status.UNKNOWN and self.check is not None and not self.check.since

    @property
    def is_down(self) -> bool:
        """Whether its own health check says so; a breaker may be open for other reasons."""
        return self.check is not None and self.check.is_down

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


def _with_operations(
    status: Status, message: str | None, operations: tuple[BreakerSnapshot, ...]
) -> tuple[Status, str | None]:
    """While one of its operations is cut off, it is not well, however well the rest of it is."""
    failing = [seen for seen in operations if STATUS_OF_STATE[seen.state] is not Status.HEALTHY]
    if not failing or status.badness >= Status.DEGRADED.badness:
        return status, message
    return Status.DEGRADED, "; ".join(f"{seen.name}: {_words(seen)}" for seen in failing)


def _judged(
    check: ComponentHealth | None, breaker: BreakerSnapshot | None
) -> tuple[Status, str | None]:
    """The check sees what is there, the breaker what becomes of real calls: the worse one counts.
    But an open breaker of a dependency that passes its check only degrades it, and one that would
    let the next call through says nothing new, if only nobody calls."""
    by_breaker = STATUS_OF_STATE[breaker.state] if breaker is not None else Status.HEALTHY
    words = _words(breaker) if breaker is not None else None
    if breaker is not None and breaker.state is State.FORCED_OPEN:
        return Status.UNHEALTHY, words
    if check is None:
        return by_breaker, words
    if check.since is None and by_breaker is Status.HEALTHY:
        return Status.UNKNOWN, "not checked yet"
    if check.status is Status.HEALTHY and breaker is not None and by_breaker is not Status.HEALTHY:
        if not breaker.retry_after:
            return Status.HEALTHY, None
        return Status.DEGRADED, f"its check passes, but {words}"
    if check.status.badness >= by_breaker.badness:
        return check.status, check.message
    return by_breaker, words


def _words(breaker: BreakerSnapshot) -> str | None:
    if breaker.state is State.FORCED_OPEN:
        return f"switched off: {breaker.reason or 'an operator did it'}"
    if breaker.state is State.HALF_OPEN:
        return "it is coming back"
    if breaker.state is State.OPEN:
        last = f": {breaker.last_failure.message}" if breaker.last_failure is not None else ""
        return f"its calls fail{last}; tried again in {breaker.retry_after or 0:.0f} s"
    return None
