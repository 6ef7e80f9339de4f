"""What the history of recoveries keeps, counts and tells, and where it stops keeping."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from blinker import Signal

from medianest.resilience import (
    RETRY_OPERATION,
    ErrorRecoveryManager,
    ManualClock,
    RecoveryContext,
)
from medianest.resilience.events import recovery_finished
from medianest.resilience.recovery import RecoveryHistory, RecoveryRecord
from medianest.resilience.recovery.record import Step
from tests.resilience.recovering import CONTEXT, broken, failing

QUIET = 301.0
"""Seconds after which an outage that nobody notices is over."""


def record_of(operation: str) -> RecoveryRecord:
    """The record of a failure against which one action was tried in vain."""
    return RecoveryRecord(
        at=datetime(2026, 1, 1, tzinfo=UTC),
        operation=operation,
        service="shop",
        outcome="failed",
        recovered_by=None,
        error_type="ConnectionError",
        error_message="down",
        attempts=1,
        seconds=0.0,
        steps=(Step("repair", "raised", "in vain", 0.0, 1),),
    )


def operations(history: RecoveryHistory) -> list[str]:
    return [record.operation for record in history.records()]


# -- how much is kept ------------------------------------------------------------------------------


def test_the_last_thousand_are_kept_unless_another_number_is_given() -> None:
    history, small = RecoveryHistory(), RecoveryHistory(2)
    for number in range(1_001):
        history.add(record_of(str(number)))
        small.add(record_of(str(number)))
    assert operations(small) == ["1000", "999"]
    assert operations(history) == [str(number) for number in range(1_000, 0, -1)]
    assert history.statistics()["repair"]["raised"] == 1_001


def test_the_last_hundred_rehearsals_are_kept() -> None:
    history = RecoveryHistory()
    for number in range(101):
        history.add_rehearsal(record_of(str(number)))
    kept = [record.operation for record in history.rehearsals()]
    assert kept == [str(number) for number in range(100, 0, -1)]


# -- outages ---------------------------------------------------------------------------------------


@pytest.fixture
def fails(manager: ErrorRecoveryManager, act: Callable[..., list[Any]]) -> Callable[..., None]:
    """`fails(operation)`: a call of it fails, and an action answers."""
    act("answers", 1, "answer")

    def call(operation: str) -> None:
        context = RecoveryContext(operation=operation, service="shop")
        assert manager.with_recovery(broken, context) == "answer"

    return call


def test_another_outage_of_an_operation_ends_the_one_before(
    manager: ErrorRecoveryManager, fails: Callable[..., None], clock: ManualClock
) -> None:
    began = clock.utc()
    fails("other")
    fails("op")
    clock.advance(QUIET)
    fails("op")
    kept = [(each.operation, each.ended_at) for each in manager.history.records()]
    assert kept == [("op", None), ("op", began), ("other", None)]
    assert set(manager.history.lasting) == {("shop", "other"), ("shop", "op")}


def test_one_outage_more_than_can_be_counted_ends_the_oldest(
    manager: ErrorRecoveryManager, fails: Callable[..., None]
) -> None:
    for number in range(1_000):
        fails(str(number))
    assert len(manager.history.lasting) == 1_000
    fails("1000")
    assert ("shop", "0") not in manager.history.lasting
    assert len(manager.history.lasting) == 1_000
    fails("999")
    assert manager.history.lasting["shop", "999"].record().count == 2


def test_two_that_fail_first_at_the_same_time_are_one_outage(
    manager: ErrorRecoveryManager, fails: Callable[..., None]
) -> None:
    """The record of the first is made without a lock, and meanwhile another call may come."""
    meanwhile = iter(["op"])
    utc = manager.clock.utc

    def slow() -> Any:
        for operation in meanwhile:
            fails(operation)
        return utc()

    manager.clock.utc = slow  # type: ignore[method-assign]
    fails("op")
    [record] = manager.history.records()
    assert record.count == 2


# -- figures ---------------------------------------------------------------------------------------


def test_a_repair_that_helped_has_saved_the_call(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("repair", 1, RETRY_OPERATION)
    assert manager.with_recovery(failing(1), CONTEXT) == "ok"
    figures = manager.statistics()["repair"]
    assert (figures["repaired"], figures["recovered"], figures["success_rate"]) == (1, 1, 1.0)


def test_who_shared_a_repair_counts_as_a_run_of_it(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    repairs = act("repair", 1, RETRY_OPERATION)

    def fails_while_another_call_has_it_repaired() -> None:
        if not repairs:
            manager.with_recovery(failing(1), CONTEXT)
        broken()

    with pytest.raises(ConnectionError):
        manager.with_recovery(fails_while_another_call_has_it_repaired, CONTEXT, max_attempts=2)
    figures = manager.statistics()["repair"]
    assert (figures["repaired"], figures["shared"], figures["success_rate"]) == (1, 1, 0.5)


def test_a_share_of_success_is_told_to_six_places(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    answers = iter(["answer", ValueError("in vain"), ValueError("in vain")])
    act("tries", 2, lambda error, context: next(answers))
    act("answers", 1, "answer")
    for _ in range(3):
        manager.with_recovery(broken, CONTEXT)
    assert manager.statistics()["tries"]["success_rate"] == 0.333333


# -- telling ---------------------------------------------------------------------------------------


def test_whoever_listens_learns_the_service(heard: Callable[[Signal], list[Any]]) -> None:
    events, history = heard(recovery_finished), RecoveryHistory()
    history.add(record_of("op"))
    assert [(event.name, event.record.operation) for event in events] == [("shop", "op")]


def test_a_sink_that_fails_is_logged_and_the_next_one_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    history, told = RecoveryHistory(), list[RecoveryRecord]()

    def full(record: RecoveryRecord) -> None:
        raise OSError("the disk is full")

    history.sinks += [full, told.append]
    history.add(record_of("op"))
    assert caplog.messages == ["a sink of the recovery history failed"]
    assert told == history.records()
