"""What was tried after failures, and what came of it: the last records, in memory."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.clock import Clock, as_clock
from medianest.resilience.events import RecoveryFinished, publish
from medianest.resilience.recovery.outage import Answered, Outage
from medianest.resilience.recovery.record import RecoveryRecord, Step, StepOutcome
from medianest.resilience.snapshot import describe

__all__ = ["ActionStatistics", "RecoveryHistory"]

logger = logging.getLogger(__name__)

_MAX_OUTAGES: Final = 1_000
"""Operations whose outages are counted at the same time; their names may come from outside."""

_MAX_REHEARSALS: Final = 100

Key = tuple[str, str]


@dataclass(slots=True)
class ActionStatistics:
    """How often an action ended in which way, and the seconds that its runs took together."""

    outcomes: Counter[StepOutcome] = field(default_factory=Counter)
    recovered: int = 0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values. `success_rate` is the share of its runs that saved the call, 0 to 1,
        None before the first."""
        outcomes = self.outcomes
        runs = sum(outcomes[each] for each in ("returned", "repaired", "shared", "raised"))
        return {
            "returned": outcomes["returned"],
            "repaired": outcomes["repaired"],
            "shared": outcomes["shared"],
            "raised": outcomes["raised"],
            "declined": outcomes["declined"],
            "suspended": outcomes["suspended"],
            "recovered": self.recovered,
            "success_rate": round(self.recovered / runs, 6) if runs else None,
            "seconds": round(self.seconds, 6),
        }


@tells_arguments
class RecoveryHistory:
    """The last `size` records in memory, and statistics of all. Thread-safe.

    Calls that an action answered are one record for each operation and outage; every other
    failure is a record of its own. `sinks` get each record after it was added, and again, with
    the same id, while it grows (once a minute, by `settle`) and when it is over; one that raises
    is logged and harms nobody. Rehearsals are kept apart and count for nothing.
    """

    def __init__(
        self, size: int = 1_000, *, clock: Clock | Callable[[], float] | None = None
    ) -> None:
        self._clock = as_clock(clock)
        self._records: deque[RecoveryRecord | Outage] = deque(maxlen=size)
        self._rehearsals: deque[RecoveryRecord] = deque(maxlen=_MAX_REHEARSALS)
        self._outages: dict[Key, Outage] = {}
        self._statistics: dict[str, ActionStatistics] = {}
        self._lock = threading.Lock()
        self.lasting: dict[Key, Outage] = {}
        """Outages that are not over; empty when all is well. To be read only."""
        self.sinks: list[Callable[[RecoveryRecord], None]] = []

    def add(self, record: RecoveryRecord) -> None:
        """Keep the record of a failure and count its steps."""
        with self._lock:
            self._records.append(record)
            self._count_needs_lock(record.steps, record.recovered_by)
        self._tell(record)
        _publish(record)

    def add_rehearsal(self, record: RecoveryRecord) -> None:
        """Keep what a rehearsal did."""
        with self._lock:
            self._rehearsals.append(record)

    def add_answered(self, call: Answered) -> None:
        """Count a failed call that an action answered; a record is made of the first alone."""
        now, key = self._clock.now(), (call.service, call.operation)
        outage, fresh, text = self._outages.get(key), None, None
        if outage is None or outage.is_past(now):
            fresh = Outage(call.record(), call, now)
        elif outage.wants_text(now):
            text = describe(call.error)
        begun = None
        with self._lock:
            self._count_needs_lock(call.steps, call.by)
            outage = self._outages.get(key)
            if fresh is not None and (outage is None or outage.is_past(now)):
                self._begin_needs_lock(key, fresh)
                begun = fresh.record()
            elif outage is not None:  # else it was one of too many
                self._fold_needs_lock(outage)
                outage.count(call, text, now)
                self.lasting[key] = outage
        if begun is not None:
            self._tell(begun)
            _publish(begun)

    def succeeded(self, service: str, operation: str) -> None:
        """A call of an operation went well: its outage is over, if it had one."""
        with self._lock:
            outage = self.lasting.pop((service, operation), None)
            if outage is None:
                return
            record = self._ended_needs_lock(outage, self._clock.now())
        self._tell(record)
        _publish(record)

    def settle(self) -> None:
        """End the outages of what nobody asks for any more, and tell the sinks how the others
        have grown; to be called now and then."""
        now, grown, ended = self._clock.now(), [], []
        with self._lock:
            for key, outage in list(self.lasting.items()):
                if outage.is_past(now):
                    del self.lasting[key]
                    ended.append(self._ended_needs_lock(outage, None))
                elif outage.is_time_to_tell(now):
                    grown.append(self._record_needs_lock(outage))
        for record in (*ended, *grown):
            self._tell(record)
        for record in ended:
            _publish(record)

    def records(self) -> list[RecoveryRecord]:
        """Those in memory, newest first."""
        with self._lock:
            kept = list(reversed(self._records))
            return [
                self._record_needs_lock(each) if isinstance(each, Outage) else each for each in kept
            ]

    def grown(self) -> list[RecoveryRecord]:
        """Of the outages that last, as they are now."""
        with self._lock:
            return [self._record_needs_lock(outage) for outage in self.lasting.values()]

    def rehearsals(self) -> list[RecoveryRecord]:
        """What rehearsals did, newest first."""
        with self._lock:
            return list(reversed(self._rehearsals))

    def statistics(self) -> dict[str, dict[str, Any]]:
        """By action, since the start of the process."""
        with self._lock:
            for outage in self._outages.values():
                self._fold_needs_lock(outage)
            return {name: figures.as_dict() for name, figures in self._statistics.items()}

    def _begin_needs_lock(self, key: Key, outage: Outage) -> None:
        gone = key if key in self._outages else next(iter(self._outages), key)
        if gone == key or len(self._outages) >= _MAX_OUTAGES:
            self.lasting.pop(gone, None)
            before = self._outages.pop(gone, None)
            if before is not None:
                self._ended_needs_lock(before, None)
        self._outages[key] = self.lasting[key] = outage
        self._records.append(outage)

    def _ended_needs_lock(self, outage: Outage, now: float | None) -> RecoveryRecord:
        outage.end(now)
        return self._record_needs_lock(outage)

    def _record_needs_lock(self, outage: Outage) -> RecoveryRecord:
        self._fold_needs_lock(outage)
        return outage.record()

    def _fold_needs_lock(self, outage: Outage) -> None:
        repeated = outage.fold()
        if repeated:
            figures = self._statistics[outage.by]
            figures.outcomes["returned"] += repeated
            figures.recovered += repeated

    def _count_needs_lock(self, steps: Iterable[Step], by: str | None) -> None:
        for step in steps:
            figures = self._statistics.get(step.action)
            if figures is None:
                figures = self._statistics[step.action] = ActionStatistics()
            figures.outcomes[step.outcome] += 1
            figures.seconds += step.seconds
        if by is not None:
            self._statistics[by].recovered += 1

    def _tell(self, record: RecoveryRecord) -> None:
        for sink in self.sinks:
            try:
                sink(record)
            except Exception:
                logger.exception("a sink of the recovery history failed")


def _publish(record: RecoveryRecord) -> None:
    publish((RecoveryFinished(record.service, record),))
