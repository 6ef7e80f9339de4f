"""What happened: changes, recoveries and what operators did, in one line of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Final, TypeVar

from medianest.health.change_history import ChangeRecord
from medianest.page.looks import Look
from medianest.resilience.recovery.record import RecoveryRecord
from medianest.web.core import Core
from medianest.web.views.audit import AuditEntry

__all__ = ["TYPES", "Happening", "happenings"]

T = TypeVar("T")

TYPES: Final = ("breaker", "component", "alert", "recovery", "operator")

_DAY: Final = timedelta(days=1)

_LOOKS: Final[Mapping[str, Look]] = {
    "closed": "ok", "half_open": "warn", "open": "bad", "forced_open": "held", "disabled": "held",
    "healthy": "ok", "degraded": "warn", "unhealthy": "bad", "unknown": "off",
    "resolved": "ok", "firing": "bad",
}  # fmt: skip
_WORDS: Final[Mapping[str, str]] = {
    "closed": "breaker closed", "half_open": "breaker half-open", "open": "breaker opened",
    "forced_open": "breaker held open", "disabled": "breaker switched off",
}  # fmt: skip
_DEEDS: Final[Mapping[str, str]] = {
    "circuit-breaker.open": "held open", "circuit-breaker.close": "closed",
    "circuit-breaker.reset": "closed, with new figures",
    "circuit-breaker.disable": "switched off", "circuit-breaker.enable": "left to itself again",
    "dependency.register": "watched from now on", "dependency.remove": "watched no longer",
    "queue.retry": "tried again", "queue.retry-dead": "dead letters tried again",
    "queue.drop": "dropped", "recovery.rehearse": "recovery rehearsed",
    "alert.silence": "silenced", "alert.end-silence": "silence ended",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened; `page` and `about` lead to its detail."""

    at: datetime
    type: str
    look: Look
    name: str
    says: str
    page: str
    about: Mapping[str, str]


def happenings(
    here: Core,
    audit: Iterable[AuditEntry] = (),
    *,
    type: str | None = None,  # noqa: A002  # its name in the query as well
    name: str | None = None,
    limit: int = 12,
) -> tuple[Happening, ...]:
    """The last ones of a day, newest first. `audit` is what operators did."""
    since = here.registry.clock.utc() - _DAY

    def newest(records: Iterable[T], read: Callable[[T], Happening]) -> Iterator[Happening]:
        lately = takewhile(lambda each: each.at >= since, map(read, records))
        fits = (each for each in lately if type in (None, each.type) and name in (None, each.name))
        return islice(fits, limit)

    # Each is asked for as many as are shown: there may be thousands, at every look.
    found = [
        *newest(here.changes.recent(), _of_change),
        *newest(here.service.recovery.history.records(), _of_recovery),
        *newest(audit, _of_deed),
    ]
    return tuple(sorted(found, key=lambda each: each.at, reverse=True)[:limit])


def _of_change(change: ChangeRecord) -> Happening:
    who = f", by {change.actor}" if change.actor else ""
    if change.type == "alert":
        name = change.name.partition(":")[2]
        says, page = f"{change.after}: {change.message or change.name}", "page.show_alerts"
        return Happening(change.at, "alert", _LOOKS.get(change.after, "off"), name, says, page, {})
    word = _WORDS.get(change.after, f"is {change.after}")
    says = word + (f": {change.message}" if change.message else "") + who
    page, about = "page.show_breaker", {"name": change.name}
    if change.type == "component":
        page, about = "page.show_now", {}
    look = _LOOKS.get(change.after, "off")
    return Happening(change.at, change.type, look, change.name, says, page, about)


def _of_recovery(record: RecoveryRecord) -> Happening:
    many = f"{record.count} calls" if record.count > 1 else "a call"
    look: Look = "ok" if record.recovered_by else "bad"
    says = f"{record.recovered_by} saved {many} of {record.operation}"
    if record.recovered_by is None:
        says = f"{many} of {record.operation} failed: {record.error_message}"
    return Happening(record.at, "recovery", look, record.service, says, "page.show_recovery", {})


def _of_deed(entry: AuditEntry) -> Happening:
    why = f": {entry.reason}" if entry.reason else ""
    says = f"{_DEEDS.get(entry.action, entry.action)} by {entry.actor}{why}"
    return Happening(
        entry.changed_at, "operator", "held", entry.target, says, "page.show_audit", {}
    )
