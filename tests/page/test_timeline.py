"""What happened, in one line of time."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from flask import Flask

from medianest.health.change_history import ChangeRecord
from medianest.page.timeline import happenings
from medianest.resilience import ManualClock
from medianest.web.container import Container
from medianest.web.views.audit import AuditEntry


def deeds(clock: ManualClock) -> Iterator[AuditEntry]:
    """One each minute, for ever, newest first."""
    minutes = 0
    while True:
        deed = {
            "id": "0" * 32, "at": clock.utc() - timedelta(minutes=minutes), "actor": "operator",
            "action": "circuit-breaker.open", "target": "plex" if minutes % 2 else "overseerr",
            "reason": None, "address": None, "correlation_id": None, "detail": {},
        }  # fmt: skip
        yield AuditEntry.model_validate(deed)
        minutes += 1


def opened(clock: ManualClock, seconds: int) -> ChangeRecord:
    """A breaker, so long ago."""
    at = clock.utc() - timedelta(seconds=seconds)
    return ChangeRecord(
        at=at, type="breaker", name="plex", before="closed", after="open", worker="w"
    )


def test_only_what_is_shown_is_read(make_app: Callable[..., Flask], clock: ManualClock) -> None:
    """Keeps out: each look at an open page reads a whole day of trouble."""
    here: Container = make_app(sandbox=False).extensions["medianest"]
    done = deeds(clock)
    assert len(happenings(here, done)) == 12
    assert next(done).changed_at == clock.utc() - timedelta(minutes=12)


def test_it_ends_after_a_day(make_app: Callable[..., Flask], clock: ManualClock) -> None:
    here: Container = make_app(sandbox=False).extensions["medianest"]
    found = happenings(here, deeds(clock), limit=10_000)
    assert len(found) == 24 * 60 + 1
    assert len(happenings(here, deeds(clock), name="plex", limit=10_000)) == 24 * 60 / 2


def test_all_types_are_told_together_newest_first(
    make_app: Callable[..., Flask], clock: ManualClock
) -> None:
    here: Container = make_app(sandbox=False).extensions["medianest"]
    here.changes.learn(opened(clock, seconds) for seconds in (90, 30))
    found = happenings(here, deeds(clock), limit=5)
    types = ["operator", "breaker", "operator", "breaker", "operator"]
    assert [each.type for each in found] == types
    alone = happenings(here, deeds(clock), type="breaker", limit=5)
    assert [each.type for each in alone] == ["breaker", "breaker"]
