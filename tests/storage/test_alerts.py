"""What alerts were told: each once, whoever of many processes sees it first."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from medianest.health.alerts import Alert
from medianest.resilience import ManualClock
from medianest.storage import DatabaseUnavailableError
from medianest.storage.alert_claims import AlertClaims
from medianest.storage.database import Database
from medianest.storage.tables import alerts
from tests.storage.alerting import CRITICAL, WARNING, MakeClaims, over


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
    journal.claim(fired(subject="d"))

    def spoil(connection: Connection) -> None:
        rows = {row.key: row for row in connection.execute(select(alerts))}
        for key, change in (
            ("dependency-down:a", {"runbook": "https://example.org"}),
            ("dependency-down:b", {"severity": "purple"}),
            ("dependency-down:d", {"rule": "disk-full"}),
        ):
            record = {**rows[key].record, **change}
            where = alerts.c.id == rows[key].id
            connection.execute(update(alerts).where(where).values(record=record))

    database.write(spoil)
    assert {alert.subject for alert in journal.unresolved()} == {"a", "c"}
    assert {alert.subject for alert in journal.recent()} == {"a", "c"}
