"""What a breaker or a bulkhead looks like at one instant, as frozen records."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from medianest.resilience.circuit_breaker.durations import Durations
from medianest.resilience.circuit_breaker.states import State
from medianest.resilience.circuit_breaker.window import SLOW, Batch, Counts, Latency
from medianest.resilience.options import Scope
from medianest.resilience.outcome import Outcome

if TYPE_CHECKING:
    from medianest.resilience.circuit_breaker.state_machine import StateMachine

__all__ = [
    "BreakerCounts",
    "BreakerSnapshot",
    "BreakerTotals",
    "BulkheadSnapshot",
    "CoalesceSnapshot",
    "Failure",
    "PatienceSnapshot",
]

_MAX_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class Failure:
    """The last failure that was counted; the error itself is not kept alive."""

    type: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class BreakerCounts:
    """Finished calls of the current generation within the monitoring period."""

    successes: int
    failures: int
    slow: int
    ignored: int
    unexpected: int
    rejected: int
    """Refused since this state began."""


@dataclass(frozen=True, slots=True)
class BreakerTotals(BreakerCounts):
    """The same since the breaker was made or reset."""

    openings: int


@dataclass(frozen=True, slots=True)
class BreakerSnapshot:
    """A circuit breaker at one instant. Durations are seconds, rates 0 to 1 or None. `retry_after`
    is None where waiting is no help: none is refused, or an operator has it open for good."""

    name: str
    state: State
    since: datetime
    generation: int
    next_attempt: datetime | None
    retry_after: float | None
    reason: str | None
    actor: str | None
    expires_at: datetime | None
    counts: BreakerCounts
    failure_rate: float | None
    slow_call_rate: float | None
    latency: Latency
    durations: Durations
    in_flight: int
    consecutive_failures: int
    last_failure: Failure | None
    openings_in_a_row: int
    totals: BreakerTotals

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; timestamps as UTC ISO 8601."""
        return {name: plain(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class BulkheadSnapshot:
    """A bulkhead at one instant. `scope` is whose `max_concurrent` places they are now, and how
    many of them are in use; who waits, was rejected, and the peak are of this process."""

    name: str
    max_concurrent: int
    in_use: int
    waiting: int
    rejected: int
    peak: int
    scope: Scope = "process"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CoalesceSnapshot:
    """The flights of a Coalesce at one instant, and since it was made."""

    name: str
    in_flight: int
    flights: int
    shared: int
    """Calls that joined a flight that was under way."""
    rejected: int
    """Calls made by their callers themselves, as no thread was free for a flight."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PatienceSnapshot:
    """How often callers have left a flight for the last good answer; `seconds` is the patience."""

    name: str
    seconds: float
    used: int

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    return value


def describe(error: BaseException) -> tuple[str, str]:
    """The type and the message of an error, in bounded space, whatever its __str__ does."""
    kind, message = type_and_text(error)
    return kind, storable(message)


def type_and_text(error: BaseException) -> tuple[str, str]:
    """The same with a message that is not `storable` yet."""
    try:
        message = str(error)
    except Exception:
        message = "(no message: its __str__ failed)"
    return type(error).__qualname__, message[:_MAX_MESSAGE]


def storable(text: str) -> str:
    """A text without what databases and JSON cannot hold: NUL, and halves of characters."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def held_open(seen: BreakerSnapshot | None) -> str | None:
    """Who holds it open, until when, why, and what ends that; None: nobody does."""
    if seen is None or seen.state is not State.FORCED_OPEN:
        return None
    until = f" until {seen.expires_at:%Y-%m-%d %H:%M} UTC" if seen.expires_at else ""
    why = f" ({seen.reason})" if seen.reason else ""
    who = seen.actor or "an operator"
    return f"{who} holds circuit breaker {seen.name} open{until}{why}: enable it to end that"


def take_snapshot(machine: StateMachine, now: float) -> tuple[BreakerSnapshot, list[Batch], float]:
    """A machine with the lock held, and the durations for its latency, which take sorting."""
    generation = machine.advance(now)
    generation.window.fold(now)
    generation.window.tell_durations()
    counts, refused = generation.window.counts, machine.refused.read()
    calls = counts[Outcome.SUCCESS] + counts[Outcome.FAILURE]
    wait = math.inf if generation.admits_all else machine.retry_after(now)
    retry_after = wait if wait < math.inf else None
    timed = generation.state is State.OPEN or generation.state is State.HALF_OPEN
    rejected, rejected_in_all = (
        refused - generation.refused_before,
        refused - machine.refused_before,
    )
    seen = BreakerSnapshot(
        name=machine.name,
        state=generation.state,
        since=generation.since_utc,
        generation=generation.number,
        next_attempt=machine.utc_of(now + (retry_after or 0.0)) if timed else None,
        retry_after=retry_after,
        reason=generation.reason,
        actor=generation.actor,
        expires_at=_when(machine, generation.expires_at),
        counts=BreakerCounts(**_named(counts), rejected=rejected),
        failure_rate=_rate(counts[Outcome.FAILURE], calls),
        slow_call_rate=_rate(counts[SLOW], calls),
        latency=Latency(),
        durations=machine.durations.read(),
        in_flight=len(machine.in_flight()),
        consecutive_failures=generation.streak,
        last_failure=_failure(machine),
        openings_in_a_row=machine.openings_in_a_row,
        totals=BreakerTotals(
            **_named(machine.totals()), rejected=rejected_in_all, openings=machine.openings
        ),
    )
    return seen, *generation.window.batches()


def _named(counts: Counts) -> dict[str, int]:
    return {
        "successes": counts[Outcome.SUCCESS],
        "failures": counts[Outcome.FAILURE],
        "ignored": counts[Outcome.IGNORED],
        "unexpected": counts[Outcome.UNEXPECTED],
        "slow": counts[SLOW],
    }


def _when(machine: StateMachine, at: float) -> datetime | None:
    return machine.utc_of(at) if math.isfinite(at) else None


def _failure(machine: StateMachine) -> Failure | None:
    if machine.last_failure is None:
        return None
    (kind, message), at = machine.last_failure
    return Failure(kind, storable(message), machine.utc_of(at))


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None
