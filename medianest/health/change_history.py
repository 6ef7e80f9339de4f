"""What has changed: circuit breakers, components and alerts, the last changes in memory."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Final, Literal, get_args

from medianest.health.events import AlertChanged, HealthChanged, alert_changed, health_changed
from medianest.resilience.events import StateChanged, state_changed
from medianest.resilience.snapshot import plain, storable

__all__ = ["ChangeEvent", "ChangeHistory", "ChangeRecord", "ChangeType"]

ChangeType = Literal["breaker", "component", "alert"]
ChangeEvent = StateChanged | HealthChanged | AlertChanged

_BY_ITSELF: Final = {
    "wait_elapsed": "its wait is over: a few calls try it",
    "probes_passed": "the calls that tried it succeeded",
    "expired": "the operator's override has expired",
}
"""Why a breaker changes its state, where it gives no reason of its own."""


_numbers: Final = itertools.count()


def _new_id() -> str:
    """Of two changes at one instant, that of the later one is higher."""
    return f"{next(_numbers):012x}{uuid.uuid4().hex[12:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRecord:
    """One change. `name` is that of a breaker or a component, or the key of an alert."""

    at: datetime
    type: ChangeType
    name: str
    before: str
    after: str
    message: str | None = None
    actor: str | None = None
    severity: str | None = None
    """Of an alert."""
    worker: str
    """The process that saw it."""
    id: str = field(default_factory=_new_id)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: plain(value) for name, value in asdict(self).items()}

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> ChangeRecord:
        """From what `as_dict` gave, of this version or of a later one. Raises KeyError, TypeError
        or ValueError for anything else."""
        known = {each.name: record[each.name] for each in fields(cls)}
        if known["type"] not in get_args(ChangeType):
            raise ValueError(f"no change of this version: {known['type']!r}")
        return cls(**{**known, "at": datetime.fromisoformat(known["at"])})


class ChangeHistory:
    """Listens to this process from when it is made, and keeps the last `size` changes, beside as
    many that other processes have told. Thread-safe.

    `worker()` names this process. `sinks` get each change of this process in the thread that has
    made it, which may be that of a call: they must wait for nothing.
    """

    def __init__(self, worker: Callable[[], str], *, size: int = 500) -> None:
        self._worker = worker
        self._own: deque[ChangeRecord] = deque(maxlen=size)
        self._learned: deque[ChangeRecord] = deque(maxlen=size)
        self._revision = 0
        self._lock = threading.Lock()
        self.sinks: list[Callable[[ChangeRecord], None]] = []
        self.concerns: Callable[[ChangeEvent], bool] = lambda event: True
        """Whether it is noted, of all that happens in this process."""
        state_changed.connect(self._on_breaker)
        health_changed.connect(self._on_component)
        alert_changed.connect(self._on_alert)

    @property
    def revision(self) -> int:
        """Another number after each change."""
        return self._revision

    def recent(self, limit: int | None = None) -> list[ChangeRecord]:
        """The last changes of all processes, as far as this one knows them, newest first."""
        with self._lock:
            found = [*self._learned, *self._own]
        found.sort(key=_age, reverse=True)  # nearly sorted already
        return found[:limit]

    def learn(self, changes: Iterable[ChangeRecord]) -> None:
        """Take over what other processes have told, or this one before it was started anew; the
        newest last. What is known already is left out."""
        told = list(changes)
        with self._lock:
            known = {each.id for each in (*self._own, *self._learned)}
            news = [each for each in told if each.id not in known]
            self._learned.extend(news)
            self._revision += bool(news)

    def _on_breaker(self, event: StateChanged) -> None:
        self._add(
            event,
            type="breaker",
            name=event.name,
            before=event.before,
            after=event.after,
            message=event.reason or _BY_ITSELF.get(event.trigger),
            actor=event.actor,
        )

    def _on_component(self, event: HealthChanged) -> None:
        if event.before == "unknown" and event.after == "healthy":
            return  # the first look at what is well is no news, and each start has many
        self._add(
            event,
            type="component",
            name=event.name,
            before=event.before,
            after=event.after,
            message=event.message,
        )

    def _on_alert(self, event: AlertChanged) -> None:
        self._add(
            event,
            type="alert",
            name=f"{event.rule}:{event.name}",
            before=event.before,
            after=event.state,
            message=event.message,
            severity=event.severity,
        )

    def _add(self, event: ChangeEvent, *, message: str | None, **values: Any) -> None:
        if not self.concerns(event):
            return
        text = None if message is None else storable(message)
        change = ChangeRecord(at=event.at, message=text, worker=self._worker(), **values)
        with self._lock:
            self._own.append(change)
            self._revision += 1
        for sink in self.sinks:
            sink(change)


def _age(change: ChangeRecord) -> tuple[datetime, str]:
    return change.at, change.id
