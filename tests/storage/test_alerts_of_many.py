"""Alerts of several processes and hosts: told once, also where the database is away."""

import os
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from medianest.health.alerts import Alert, AlertManager, AlertOptions, RuleResult
from medianest.health.thresholds import Severity
from medianest.resilience import ManualClock, SystemClock
from medianest.storage.alert_claims import AlertClaims, Marks
from tests.storage.alerting import CRITICAL, WARNING, over


def test_two_managers_on_one_database_tell_each_step_once(
    journal: AlertClaims, others: list[AlertClaims], clock: ManualClock
) -> None:
    """And a third one that was started in between goes on with it."""
    says: list[RuleResult] = []
    told = []

    def manager(journal: AlertClaims) -> AlertManager:
        options = AlertOptions(hold=0, resolve_after=0)
        made = AlertManager(options, lambda lately: list(says), claims=journal, clock=clock)
        made.sinks.append(lambda alert: told.append((alert.state, alert.severity)))
        return made

    def look(*managers: AlertManager, times: int = 3) -> None:
        for _ in range(times):
            for each in managers:
                each.evaluate()
            clock.advance(1)

    first, second = manager(journal), manager(others[0])
    says[:] = [RuleResult("memory", "system", WARNING)]
    look(first, second)
    third = manager(others[1])
    third.restore(others[1].unresolved())
    says[:] = [RuleResult("memory", "system", CRITICAL)]
    look(second, third)
    says[:] = [RuleResult("memory", "system", None)]
    look(third, second, first)
    assert told == [("firing", WARNING), ("firing", CRITICAL), ("resolved", CRITICAL)]


def test_an_outage_right_after_a_restart_within_the_cool_down_is_told(
    journal: AlertClaims, others: list[AlertClaims], clock: ManualClock
) -> None:
    told = []

    down = [CRITICAL, None, CRITICAL]

    def read(lately: Collection[str]) -> list[RuleResult]:
        return [RuleResult("dependency-down", "plex", down[0], skip_hold=True)]

    def manager(journal: AlertClaims) -> AlertManager:
        made = AlertManager(AlertOptions(), read, claims=journal, clock=clock)
        made.sinks.append(lambda alert: told.append(alert.state))
        return made

    before = manager(journal)
    before.evaluate()
    clock.advance(10)
    del down[0]
    before.evaluate()
    assert told == ["firing", "resolved"]
    del down[0]
    after = manager(others[0])
    for _ in range(80):
        after.evaluate()
        clock.advance(5)
    assert told == ["firing", "resolved", "firing"]


def test_what_is_over_for_one_process_alone_is_told_anew(
    journal: AlertClaims, others: list[AlertClaims], clock: ManualClock
) -> None:
    """Keeps out: silence about a process whose requests all fail, because those of another one,
    which counts its own, are well again."""
    bad: dict[str, Severity | None] = {"first": WARNING, "second": WARNING}
    told = []

    def manager(name: str, journal: AlertClaims) -> AlertManager:
        options = AlertOptions(hold=0, resolve_after=0, cool_down=300)

        def read(lately: Collection[str]) -> list[RuleResult]:
            return [RuleResult("error-rate", "system", bad[name])]

        made = AlertManager(options, read, claims=journal, clock=clock)
        made.sinks.append(lambda alert: told.append((name, alert.state)))
        return made

    managers = {"first": manager("first", journal), "second": manager("second", others[0])}

    def look(seconds: int) -> None:
        for _ in range(seconds // 10):
            for each in managers.values():
                each.evaluate()
                each.merge_recent(journal.recent())
            clock.advance(10)

    look(30)
    bad["second"] = None
    look(300)
    assert told == [("first", "firing"), ("second", "resolved")]
    look(600)
    assert told[2:] == [("first", "firing")]
    bad["first"] = None
    look(600)
    assert told[3:] == [("first", "resolved")]


class FilesClock(ManualClock):
    """Files have the system's times."""

    utc = staticmethod(SystemClock.utc)


def test_marks_of_a_host_tell_once_while_the_database_is_away(
    tmp_path: Path, fired: Callable[..., Alert], clock: ManualClock
) -> None:
    now = FilesClock()
    one, other = (Marks(tmp_path / "marks", 60.0, now) for _ in range(2))
    assert one.claim(fired())
    assert not other.claim(fired())
    assert other.claim(over(fired(), clock))
    assert other.claim(fired(CRITICAL))
    for mark in (tmp_path / "marks").iterdir():
        os.utime(mark, (0, 0))
    assert other.claim(fired())
    assert Marks(tmp_path / "marks" / "x" / "\0", 60.0, now).claim(fired())  # no such folder


def test_what_lasts_for_hours_is_told_by_one_of_many_for_all_of_them(
    journal: AlertClaims,
    others: list[AlertClaims],
    fired: Callable[..., Alert],
    clock: ManualClock,
) -> None:
    began = fired()
    assert journal.claim(began)
    for _ in range(5):
        clock.advance(3600)
        asking_again = replace(began, told_at=clock.utc())
        assert [other.claim(asking_again) for other in others] == [False] * 4
