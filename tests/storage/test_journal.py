"""Journals: in memory at once, in the database a moment later, complete after an outage."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest

from medianest.resilience import ErrorRecoveryManager, ManualClock, RecoveryContext
from medianest.resilience.recovery import RecoveryRecord
from medianest.resilience.snapshot import plain
from medianest.storage import DatabaseUnavailableError
from medianest.storage.database import Database
from medianest.storage.journal import Journal
from medianest.storage.records import Audit, HistoryJournal
from medianest.storage.selection import Cursor, Selection
from medianest.storage.tables import audit as table

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def journal(database: Database) -> Journal:
    return Journal(database, table, most=20)


def row(number: int, actor: str = "kim") -> dict[str, Any]:
    at = START + timedelta(seconds=number // 2)  # two at each instant
    key = f"{number:032d}"
    fixed = {"id": key, "at": at, "actor": actor, "action": "x", "target": "y"}
    return {**fixed, "record": {"number": number}}


def numbers(records: list[dict[str, int]]) -> list[int]:
    return [record["number"] for record in records]


def test_rows_are_seen_before_and_after_they_are_written(journal: Journal) -> None:
    for number in range(3):
        journal.add(row(number))
    assert numbers(journal.page(Selection(), None, 10)[0]) == [2, 1, 0]
    assert journal.flush() == 3
    assert journal.waiting() == []
    assert numbers(journal.page(Selection(), None, 10)[0]) == [2, 1, 0]


def test_a_row_that_is_written_while_a_page_is_read_is_on_it(
    journal: Journal, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: it waits no longer when it is looked for there, and was not written before."""
    journal.add(row(1))
    read = database.read

    def read_before_it_is_written(*arguments: Any) -> Any:
        found = read(*arguments)
        journal.flush()
        return found

    monkeypatch.setattr(database, "read", read_before_it_is_written)
    assert numbers(journal.page(Selection(), None, 10)[0]) == [1]


class _LeftInTheLastMoment(Journal):
    """Another thread leaves it a row when it has seen that nothing waits any more."""

    left: tuple[dict[str, Any], ...] = ()

    def _next(self) -> list[dict[str, Any]]:
        batch = super()._next()
        if not batch:
            for one in self.left:
                self.add(one)
                assert self.flush() == 0
            self.left = ()
        return batch


def test_what_is_left_to_another_thread_in_its_last_moment_is_written_by_it(
    database: Database,
) -> None:
    """Keeps out: what an operator did is found by other workers a second later."""
    journal = _LeftInTheLastMoment(database, table)
    journal.left = (row(1),)
    journal.add(row(0))
    assert journal.flush() == 2
    assert journal.waiting() == []


def test_pages_run_through_what_is_written_and_what_waits(journal: Journal) -> None:
    for number in range(0, 10, 2):
        journal.add(row(number))
    journal.flush()
    for number in range(1, 10, 2):
        journal.add(row(number))
    seen, cursor = [], None
    while True:
        records, cursor = journal.page(Selection(), cursor, 3)
        seen += numbers(records)
        if cursor is None:
            break
        cursor = Cursor.parse(str(cursor))
    assert seen == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]


def test_columns_choose_rows_wherever_they_are(journal: Journal) -> None:
    for number in range(6):
        journal.add(row(number, actor="kim" if number % 2 else "lee"))
        if number == 3:
            journal.flush()
    assert numbers(journal.page(Selection({"actor": "kim"}), None, 10)[0]) == [5, 3, 1]


def test_what_cannot_be_written_waits_and_the_oldest_go_first(
    journal: Journal, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: Callable[..., Any] | list[dict[str, Any]]) -> NoReturn:
        raise DatabaseUnavailableError("down")

    with monkeypatch.context() as patched:
        patched.setattr(database, "write", down)
        for number in range(25):
            journal.add(row(number))
        with pytest.raises(DatabaseUnavailableError):
            journal.flush()
    assert journal.lost == 5
    assert journal.flush() == 20
    assert numbers(journal.page(Selection(), None, 50)[0]) == list(range(24, 4, -1))


def test_what_was_written_without_our_knowing_is_written_once(journal: Journal) -> None:
    """Keeps out: a duplicate after an acknowledgement that got lost."""
    journal.add(row(1))
    journal.flush()
    journal.add(row(1))
    journal.add(row(2))
    assert journal.flush() == 2
    assert numbers(journal.page(Selection(), None, 10)[0]) == [2, 1]


def test_the_recovery_history_of_all_processes_is_kept(
    database: Database, url: str, connect: Callable[..., Database], clock: ManualClock
) -> None:
    manager = ErrorRecoveryManager(clock=clock)
    history = HistoryJournal(database, manager.history)
    manager.register_recovery_action("default", 1, execute=lambda error, context: "default")
    context = RecoveryContext(operation="op", service="svc", user="kim", metadata={"n": 1})
    assert manager.with_recovery(lambda: 1 / 0, context) == "default"
    history.flush()
    ((record,), _) = HistoryJournal(connect(url)).page(Selection({"service": "svc"}), None, 10)
    assert (record["recovered_by"], record["user"]) == ("default", "kim")
    assert [step["action"] for step in record["steps"]] == ["default"]


def test_an_outage_is_one_row_that_grows(
    database: Database, url: str, connect: Callable[..., Database], clock: ManualClock
) -> None:
    manager = ErrorRecoveryManager(clock=clock)
    history, elsewhere = HistoryJournal(database, manager.history), HistoryJournal(connect(url))
    manager.register_recovery_action("default", 1, execute=lambda error, context: "default")
    context, fails = RecoveryContext(operation="op", service="svc"), [True]

    def operation() -> float | str:
        return 1 / 0 if fails[0] else "ok"

    def counts(journal: HistoryJournal) -> list[int]:
        return [
            record["count"] for record in journal.page(Selection({"operation": "op"}), None, 10)[0]
        ]

    for _ in range(3):
        manager.with_recovery(operation, context)
    assert (counts(history), history.flush(), counts(elsewhere)) == ([3], 1, [3])
    manager.with_recovery(operation, context)
    assert (history.flush(), counts(elsewhere), counts(history)) == (0, [3], [4])
    clock.advance(60)
    manager.with_recovery(operation, context)
    assert (history.flush(), counts(elsewhere)) == (1, [5])
    fails[0] = False
    manager.with_recovery(operation, context)
    assert history.flush() == 1
    ((record,), _) = elsewhere.page(Selection(), None, 10)
    assert (record["count"], record["ended_at"]) == (5, plain(clock.utc()))


def test_a_row_that_grows_while_it_is_written_is_written_again(
    database: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = HistoryJournal(database)
    record = RecoveryRecord(
        at=START,
        operation="op",
        service="svc",
        outcome="recovered",
        recovered_by="a",
        error_type="OSError",
        error_message="",
        attempts=1,
        seconds=0.0,
        steps=(),
    )
    history.note(record)
    write = database.write

    def slow(*args: Any) -> Any:
        written = write(*args)
        monkeypatch.undo()
        history.note(replace(record, count=2))
        return written

    monkeypatch.setattr(database, "write", slow)
    assert history.flush() == 2
    assert history.waiting() == []
    assert history.page(Selection(), None, 10)[0][0]["count"] == 2


def test_the_audit_tells_who_what_when_why_and_from_where(
    database: Database, clock: ManualClock
) -> None:
    audit = Audit(database, clock)
    audit.note("operator", "open", "plex", reason="moving", address="10.0.0.1", detail={"n": 1})
    audit.flush()
    ((record,), _) = audit.page(Selection({"target": "plex"}), None, 10)
    assert {k: record[k] for k in ("actor", "action", "reason", "address", "detail")} == {
        "actor": "operator",
        "action": "open",
        "reason": "moving",
        "address": "10.0.0.1",
        "detail": {"n": 1},
    }


def test_what_is_old_is_pruned(journal: Journal) -> None:
    for number in range(6):
        journal.add(row(number))
    journal.flush()
    assert journal.prune(START + timedelta(seconds=1)) == 2
    assert numbers(journal.page(Selection(), None, 10)[0]) == [5, 4, 3, 2]


def test_a_row_that_can_never_be_written_does_not_stop_the_others(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    journal.add(row(1))
    journal.add({**row(2), "record": {"number": object()}})
    journal.add(row(3))
    assert journal.flush() == 2
    assert (journal.lost, journal.waiting()) == (1, [])
    assert numbers(journal.page(Selection(), None, 10)[0]) == [3, 1]
    assert "cannot be written" in caplog.text
