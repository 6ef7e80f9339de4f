"""The switchboard: what comes in, and for each dependency its places, its switch and how it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypedDict

from medianest.health import DependencyHealth, Status
from medianest.page import looks
from medianest.page.looks import Look
from medianest.page.words import Calls, to_second
from medianest.resilience import BreakerSnapshot, BulkheadSnapshot, State

__all__ = ["Line", "Places", "Switch", "lines_of"]

_WORST_FIRST: Final = (
    State.FORCED_OPEN, State.OPEN, State.HALF_OPEN, State.DISABLED, State.CLOSED,
)  # fmt: skip

_COUNTED: Final = 3.0
"""Seconds between checks from which on people can follow a countdown to the next."""


class _NextCheck(TypedDict):
    check_at: datetime | None
    check_every: float | None


@dataclass(frozen=True, slots=True)
class Places:
    """The bulkhead of a dependency."""

    taken: int
    all: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Switch:
    """The circuit breaker that is worst, and how many of the others are like it. `next_at` is when
    its next probe may go out, `until` when what an operator did expires."""

    name: str
    state: str
    words: str
    look: Look
    since: datetime
    next_at: datetime | None
    until: datetime | None
    openings: int
    why: str | None
    who: str | None
    alike: int
    others: int


@dataclass(frozen=True, slots=True)
class Line:
    """A dependency, and how calls get there. Times are seconds."""

    name: str
    criticality: str
    status: str
    look: Look
    says: str
    since: datetime | None
    behind: tuple[str, ...]
    places: Places | None
    switch: Switch | None
    p50: float | None
    p95: float | None
    calls: Calls
    check_at: datetime | None
    """When it is looked at again, while it is not well."""
    check_every: float | None
    """Seconds between two such looks, where that is too short to count down."""
    is_used: bool


def lines_of(
    found: Sequence[DependencyHealth],
    calls: Callable[[str], Calls],
    intervals: Mapping[str, float],
) -> tuple[Line, ...]:
    """Every dependency, each behind those that it needs; what is not configured comes last.
    `calls(name)` are those of the last two minutes, `intervals` the seconds between checks."""
    lines = [_line(each, calls(each.name), intervals.get(each.name)) for each in found]
    return tuple(sorted(lines, key=lambda line: not line.is_used))


def _line(found: DependencyHealth, calls: Calls, interval: float | None) -> Line:
    breakers = [found.breaker, *found.operations] if found.breaker else [*found.operations]
    busiest = max(breakers, key=lambda seen: seen.counts.successes, default=None)
    return Line(
        name=found.name,
        criticality=found.dependency.criticality,
        status=found.status.value,
        look=_look(found),
        says=_says(found),
        since=found.since if found.status is not Status.HEALTHY else None,
        behind=found.dependency.depends_on,
        places=_places(found.bulkhead),
        switch=_switch(breakers) if breakers else None,
        p50=busiest.latency.p50 if busiest else None,
        p95=busiest.latency.p95 if busiest else None,
        calls=_measured(calls),
        **_next_check(found, interval),
        is_used=found.is_used,
    )


def _measured(calls: Calls) -> Calls:
    """As floats: how many calls the database gets from the jobs of this program is never quite the
    same."""
    return [None if step is None else (float(step[0]), float(step[1])) for step in calls]


def _places(seen: BulkheadSnapshot | None) -> Places | None:
    return None if seen is None else Places(seen.in_use, seen.max_concurrent, seen.waiting)


def _look(found: DependencyHealth) -> Look:
    if not found.is_used:
        return "off"
    is_doubted = found.check is not None and found.check.is_suspect
    return (
        "warn" if is_doubted and found.status is Status.HEALTHY else looks.OF_STATUS[found.status]
    )


def _next_check(found: DependencyHealth, interval: float | None) -> _NextCheck:
    check = found.check
    is_well = check is None or (check.status is Status.HEALTHY and not check.is_suspect)
    if is_well or check is None or check.checked_at is None or interval is None:
        return {"check_at": None, "check_every": None}
    if interval < _COUNTED:
        return {"check_at": None, "check_every": interval}
    at = to_second(check.checked_at + timedelta(seconds=interval))
    return {"check_at": at, "check_every": None}


def _says(found: DependencyHealth) -> str:
    """What it is about, in words that stay while nothing changes: what counts down is drawn by the
    browser."""
    breaker = found.breaker
    if found.check is not None and found.check.is_suspect and found.status is Status.HEALTHY:
        return f"its last check failed: {found.check.message}"
    if found.status is Status.HEALTHY:
        detail = found.check.detail if found.check is not None else {}
        return str(detail.get("server_version") or detail.get("version") or "works")
    if found.check is not None and found.check.status is not Status.HEALTHY:
        return found.check.message or found.message or found.status.value
    if breaker is not None and breaker.state is State.OPEN and breaker.last_failure is not None:
        return f"its calls fail: {breaker.last_failure.message}"
    failing = [seen for seen in found.operations if seen.state is State.OPEN]
    if failing:
        last = failing[0].last_failure
        return f"{failing[0].name} fails" + (f": {last.message}" if last is not None else "")
    return found.message or found.status.value


def _switch(breakers: Sequence[BreakerSnapshot]) -> Switch:
    worst = min(breakers, key=lambda seen: (_WORST_FIRST.index(seen.state), -seen.generation))
    next_at = worst.next_attempt if worst.state is State.OPEN else None
    return Switch(
        name=worst.name,
        state=worst.state.value,
        words=looks.WORDS[worst.state],
        look=looks.OF_STATE[worst.state],
        since=worst.since,
        next_at=to_second(next_at) if next_at else None,
        until=to_second(worst.expires_at) if worst.expires_at else None,
        openings=worst.openings_in_a_row,
        why=worst.reason,
        who=worst.actor,
        alike=sum(seen.state is worst.state for seen in breakers),
        others=len(breakers),
    )
