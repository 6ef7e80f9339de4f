"""Recovery with a store of last good answers, and its record of an outage."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import pytest
from blinker import Signal

from medianest.resilience import (
    CircuitOpenError,
    ErrorRecoveryManager,
    ManualClock,
    MemoryLastGood,
    Recovery,
)
from medianest.resilience.events import degraded, recovery_finished
from medianest.resilience.recovery import RecoveryRecord
from tests.resilience.recovering import CONTEXT, Shop, broken


@pytest.fixture
def fail(ask: Callable[..., Any], shop: Shop, clock: ManualClock) -> Callable[..., None]:
    """`fail(times)` asks so often while the breaker is open."""

    def calls(times: int = 1, error: ConnectionError | None = None) -> None:
        shop.error = error or CircuitOpenError("shop", 5.0)
        for _ in range(times):
            ask()

    return calls


def record(manager: ErrorRecoveryManager) -> RecoveryRecord:
    (found,) = manager.history.records()
    return found


def test_the_last_good_answer_of_the_same_call_is_served_marked(
    ask: Callable[..., Any], shop: Shop, clock: ManualClock
) -> None:
    assert ask("films") == ["films"]
    shop.error = ConnectionError("down")
    clock.advance(7)
    assert ask("films") == (["films"], 7)
    with pytest.raises(ConnectionError):
        ask("shows")
    clock.advance(3600)
    with pytest.raises(ConnectionError):
        ask("films")


def test_refusals_are_answered_and_errors_of_the_caller_are_not(
    ask: Callable[..., Any], shop: Shop, fail: Callable[..., None]
) -> None:
    ask()
    fail()
    shop.error = LookupError("no such shelf")
    with pytest.raises(LookupError):
        ask()


def test_each_answer_is_told_as_degraded(
    ask: Callable[..., Any], fail: Callable[..., None], heard: Callable[[Signal], list[Any]]
) -> None:
    events = heard(degraded)
    ask()
    fail(3)
    assert [(event.name, event.source, event.age) for event in events] == [
        ("shop", "last-good", 0)
    ] * 3


def test_an_outage_is_one_record_however_many_calls(
    ask: Callable[..., Any],
    fail: Callable[..., None],
    manager: ErrorRecoveryManager,
    clock: ManualClock,
    heard: Callable[[Signal], list[Any]],
) -> None:
    events = heard(recovery_finished)
    ask()
    began = clock.utc()
    fail(1_000, ConnectionError("down"))
    clock.advance(30)
    fail(1_000)
    found = record(manager)
    assert (found.count, found.at, found.ended_at) == (2_000, began, None)
    assert (found.last_at, found.oldest_age) == (clock.utc(), 30)
    assert (found.error_type, found.recovered_by) == ("CircuitOpenError", "cache-fallback")
    assert [(step.outcome, step.count) for step in found.steps] == [("returned", 2_000)]
    figures = manager.statistics()["cache-fallback"]
    assert (figures["returned"], figures["recovered"], figures["success_rate"]) == (2_000, 2_000, 1)
    assert len(events) == 1


def test_a_success_ends_it(
    ask: Callable[..., Any],
    fail: Callable[..., None],
    manager: ErrorRecoveryManager,
    shop: Shop,
    clock: ManualClock,
    heard: Callable[[Signal], list[Any]],
) -> None:
    events = heard(recovery_finished)
    ask()
    fail(5)
    clock.advance(20)
    shop.error = None
    ask()
    assert (record(manager).ended_at, record(manager).count) == (clock.utc(), 5)
    assert [event.record.count for event in events] == [1, 5]
    ask()
    assert len(events) == 2


def test_another_outage_is_another_record(
    ask: Callable[..., Any],
    fail: Callable[..., None],
    manager: ErrorRecoveryManager,
    shop: Shop,
    clock: ManualClock,
) -> None:
    ask()
    fail(5)
    shop.error = None
    ask()
    clock.advance(61)
    fail(7)
    assert [found.count for found in manager.history.records()] == [7, 5]


def test_where_every_second_call_fails_it_is_one_outage(
    ask: Callable[..., Any],
    fail: Callable[..., None],
    manager: ErrorRecoveryManager,
    shop: Shop,
    clock: ManualClock,
) -> None:
    """Keeps out: a server that flaps fills the history."""
    for _ in range(200):
        shop.error = None
        ask()
        fail()
        clock.advance(1)
    assert (record(manager).count, record(manager).ended_at) == (200, None)


def test_one_of_which_nobody_asks_any_more_ends_by_itself(
    ask: Callable[..., Any],
    fail: Callable[..., None],
    manager: ErrorRecoveryManager,
    clock: ManualClock,
) -> None:
    ask()
    fail(2)
    last = clock.utc()
    clock.advance(301)
    manager.history.settle()
    assert (record(manager).ended_at, manager.history.lasting) == (last, {})


def test_a_sink_gets_it_at_first_then_once_a_minute_and_at_last(
    ask: Callable[..., Any],
    fail: Callable[..., None],
    manager: ErrorRecoveryManager,
    shop: Shop,
    clock: ManualClock,
) -> None:
    told = []
    manager.history.sinks.append(lambda found: told.append((found.count, found.ended_at)))
    ask()
    for _ in range(120):
        fail(10)
        manager.history.settle()
        clock.advance(1)
    shop.error = None
    ask()
    assert [count for count, _ in told] == [1, 610, 1_200]
    assert [ended is None for _, ended in told] == [True, True, False]


def test_counting_is_exact_among_threads(
    ask: Callable[..., Any], shop: Shop, manager: ErrorRecoveryManager
) -> None:
    ask()
    shop.error = CircuitOpenError("shop", 5.0)
    gate = threading.Barrier(8)

    def client(_: int) -> None:
        gate.wait()
        for _ in range(500):
            ask()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(client, range(8)))
    assert record(manager).count == 4_000
    assert manager.history.statistics()["cache-fallback"]["returned"] == 4_000


def test_another_action_that_comes_first_is_asked_in_the_middle_of_an_outage(
    ask: Callable[..., Any],
    fail: Callable[..., None],
    manager: ErrorRecoveryManager,
    act: Callable[..., list[Any]],
) -> None:
    ask()
    fail(3)
    act("repair", 10, lambda error, context: "repaired")
    assert ask() == "repaired"
    assert record(manager).recovered_by == "repair"
    assert {step.action: step.count for step in record(manager).steps} == {
        "cache-fallback": 3,
        "repair": 1,
    }


def test_other_answers_of_actions_are_counted_likewise(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("default", 1, "answer")
    for _ in range(50):
        assert manager.with_recovery(broken, CONTEXT) == "answer"
    assert (record(manager).count, record(manager).oldest_age) == (50, None)
    assert manager.with_recovery(lambda: "ok", CONTEXT) == "ok"
    assert record(manager).ended_at is not None


def test_operations_without_end_leave_no_outages_without_end(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("default", 1, "answer")
    for number in range(1_100):
        Recovery(manager, service="svc", operation=lambda n=number: f"op{n}").call(broken)
    assert len(manager.history.lasting) == 1_000


def no_store(*args: object) -> NoReturn:
    raise OSError("no store")


class Down(MemoryLastGood[Any]):
    put = get = now = no_store  # type: ignore[assignment]


def test_a_store_that_fails_costs_nobody_an_answer_or_the_error(
    manager: ErrorRecoveryManager, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    recovery = Recovery(
        manager, service="shop", operation="op", last_good=Down(60), key=lambda name: name
    )
    for _ in range(2):
        assert recovery.call(shop.shelf, "films") == ["films"]
    assert caplog.text.count("cannot be kept") == 1
    shop.error = ConnectionError("down")
    with pytest.raises(ConnectionError, match="down"):
        recovery.call(shop.shelf, "films")
