"""What alerts were told: each once, whoever of many processes sees it first."""

import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from medianest.health.alerts import Alert, AlertManager, AlertOptions, RuleResult
from medianest.health.thresholds import Severity
from medianest.resilience import ManualClock, SystemClock
from medianest.storage import Database, DatabaseUnavailableError
from medianest.storage.alert_claims import AlertClaims, Marks
from medianest.storage.tables import alerts

MakeClaims = Callable[[Database], AlertClaims]

WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


@pytest.fixture
def make_claims(tmp_path: Path, clock: ManualClock) -> MakeClaims:
    return lambda database: AlertClaims(database, 300, tmp_path / "alerts", clock)


@pytest.fixture
def journal(database: Database, make_claims: MakeClaims) -> AlertClaims:
    return make_claims(database)


@pytest.fixture
def others(
    url: str, connect: Callable[..., Database], database: Database, make_claims: MakeClaims
) -> list[AlertClaims]:
    """Claims of four more processes."""
    return [make_claims(connect(url)) for _ in range(4)]


@pytest.fixture
def fired(clock: ManualClock) -> Callable[..., Alert]:
    def make(severity: Severity = WARNING, subject: str = "plex", **fields: Any) -> Alert:
        now = clock.utc()
        told = {"since": now, "fired_at": now, "told_at": now, **fields}
        return Alert(
            rule="dependency-down", subject=subject, severity=severity, state="firing",
            message="it is down", value=None, threshold=None, affected=("GET /a",), advice="look",
            **told,
        )  # fmt: skip

    return make


def over(alert: Alert, clock: ManualClock) -> Alert:
    return replace(alert, state="resolved", resolved_at=clock.utc())


def test_of_many_processes_one_tells(
    journal: AlertClaims,
    others: list[AlertClaims],
    fired: Callable[..., Alert],
    clock: ManualClock,
) -> None:
    def tell(step: Callable[..., Any]) -> list[bool]:
        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(lambda j: j.claim(step()), [journal, *others]))
        clock.advance(10)
        return sorted(answers)

    once = [False, False, False, False, True]
    alert = fired()
    assert tell(lambda: fired()) == once
    assert tell(lambda: fired(CRITICAL)) == once
    assert tell(lambda: over(alert, clock)) == once
    assert [found.state for found in journal.recent()] == ["resolved", "firing", "firing"]


def test_an_alert_is_told_though_the_clock_was_set_back(
    journal: AlertClaims, fired: Callable[..., Alert], clock: ManualClock
) -> None:
    """Keeps out: no alert for three hours, as the last one was told in a time to come."""
    alert = fired()
    assert journal.claim(alert)
    clock.advance(10)
    assert journal.claim(over(alert, clock))
    clock.set_by(-3 * 3600)
    clock.advance(600)
    assert journal.claim(fired())
    assert not journal.claim(fired())


def test_of_many_that_claim_at_the_same_instant_one_tells(
    journal: AlertClaims, others: list[AlertClaims], fired: Callable[..., Alert]
) -> None:
    def claim(each: AlertClaims, subject: str) -> bool:
        together.wait(10)
        return each.claim(fired(subject=subject))

    together, journals = Barrier(5), [journal, *others]
    with ThreadPoolExecutor(5) as pool:
        for number in range(15):
            told = list(pool.map(claim, journals, [str(number)] * 5))
            assert told.count(True) == 1


def test_it_is_told_again_only_when_it_gets_worse(
    journal: AlertClaims, fired: Callable[..., Alert], clock: ManualClock
) -> None:
    assert journal.claim(fired(WARNING))
    clock.advance(1)
    assert not journal.claim(fired(WARNING))
    assert journal.claim(fired(CRITICAL))
    clock.advance(1)
    assert not journal.claim(fired(CRITICAL))
    assert not journal.claim(fired(WARNING))


def test_after_it_was_over_nobody_tells_it_for_a_while(
    journal: AlertClaims,
    others: list[AlertClaims],
    fired: Callable[..., Alert],
    clock: ManualClock,
) -> None:
    alert = fired()
    assert journal.claim(alert)
    clock.advance(60)
    assert journal.claim(over(alert, clock))
    clock.advance(299)
    assert not others[0].claim(fired(CRITICAL))
    assert journal.claim(fired(subject="overseerr"))
    clock.advance(1)
    assert others[0].claim(fired())


def test_the_end_of_what_may_not_be_told_is_not_told(
    journal: AlertClaims, fired: Callable[..., Alert], clock: ManualClock
) -> None:
    first = fired()
    journal.claim(first)
    clock.advance(10)
    journal.claim(over(first, clock))
    clock.advance(10)
    again = fired()
    assert not journal.claim(again)
    clock.advance(600)
    assert not journal.claim(over(again, clock))


def test_the_end_of_what_could_not_be_kept_is_told_once(
    journal: AlertClaims,
    others: list[AlertClaims],
    fired: Callable[..., Alert],
    clock: ManualClock,
) -> None:
    """Keeps out: "the database is down" without an "it is over", as it could not be kept."""
    alert = fired(CRITICAL, subject="database")
    clock.advance(60)
    assert journal.claim(over(alert, clock))
    clock.advance(1)
    assert not others[0].claim(over(replace(alert, id="of another process"), clock))
    clock.advance(3600)
    later = fired(CRITICAL, subject="database")
    clock.advance(60)
    assert journal.claim(over(later, clock))
    assert [found.state for found in journal.recent()] == ["resolved", "resolved"]


def test_what_is_not_over_is_found_again(
    journal: AlertClaims,
    others: list[AlertClaims],
    fired: Callable[..., Alert],
    clock: ManualClock,
) -> None:
    first, second = fired(subject="plex"), fired(subject="overseerr")
    worse = replace(first, severity=CRITICAL)
    journal.claim(first)
    journal.claim(second)
    clock.advance(5)
    journal.claim(replace(worse, told_at=clock.utc()))
    clock.advance(5)
    journal.claim(over(second, clock))
    (found,) = others[0].unresolved()
    assert (found.id, found.severity, found.subject) == (first.id, CRITICAL, "plex")
    assert found == replace(worse, told_at=found.told_at)


def test_what_was_told_last_comes_first(
    journal: AlertClaims, fired: Callable[..., Alert], clock: ManualClock
) -> None:
    for number in range(5):
        journal.claim(fired(subject=str(number)))
        clock.advance(1)
    assert [found.subject for found in journal.recent(3)] == ["4", "3", "2"]


def test_what_is_old_is_pruned(
    journal: AlertClaims, fired: Callable[..., Alert], clock: ManualClock
) -> None:
    journal.claim(fired(subject="old"))
    clock.advance(100)
    now = clock.utc()
    journal.claim(fired(subject="new"))
    assert journal.prune(now) == 1
    assert [found.subject for found in journal.recent()] == ["new"]
    assert journal.prune(now) == 0


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
        return [RuleResult("dependency-down", "plex", down[0], at_once=True)]

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


def test_where_the_database_is_down_it_says_so(
    connect: Callable[..., Database], fired: Callable[..., Alert], make_claims: MakeClaims
) -> None:
    journal = make_claims(connect("postgresql://postgres@127.0.0.1:1/x", timeout=0.5))
    with pytest.raises(DatabaseUnavailableError):
        journal.claim(fired())


def test_what_was_told_long_ago_and_has_no_end_is_told_again(
    journal: AlertClaims, fired: Callable[..., Alert], clock: ManualClock
) -> None:
    """Nobody may have been left to tell its end."""
    assert journal.claim(fired())
    clock.advance(3599)
    assert not journal.claim(fired())
    clock.advance(3600)
    assert journal.claim(fired())


def test_a_record_of_another_version_harms_no_other(
    journal: AlertClaims, database: Database, fired: Callable[..., Alert]
) -> None:
    journal.claim(fired(subject="a"))
    journal.claim(fired(subject="b"))
    journal.claim(fired(subject="c"))

    def spoil(connection: Connection) -> None:
        rows = {row.key: row for row in connection.execute(select(alerts))}
        for key, change in (
            ("dependency-down:a", {"runbook": "https://example.org"}),
            ("dependency-down:b", {"severity": "purple"}),
        ):
            record = {**rows[key].record, **change}
            where = alerts.c.id == rows[key].id
            connection.execute(update(alerts).where(where).values(record=record))

    database.write(spoil)
    assert {alert.subject for alert in journal.unresolved()} == {"a", "c"}
    assert {alert.subject for alert in journal.recent()} == {"a", "c"}


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
