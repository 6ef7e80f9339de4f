"""Recovery: actions by falling priority, one repair for many, a history of all of it."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from blinker import Signal

from medianest.resilience import (
    RETRY_OPERATION,
    CircuitOpenError,
    Declined,
    ErrorRecoveryManager,
    ManualClock,
    Recovery,
    RecoveryContext,
)
from medianest.resilience.events import recovery_finished
from tests.resilience.recovering import CONTEXT, broken, failing, steps


def test_an_operation_that_goes_well_runs_no_action_and_leaves_no_record(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    runs = act("a", 1, "answer")
    assert manager.with_recovery(lambda: "ok", CONTEXT) == "ok"
    assert (runs, manager.history.records()) == ([], [])


def test_the_first_raises_the_second_declines_the_third_answers_and_the_history_tells_all(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("first", 30, RuntimeError("cannot"))
    act("second", 20, Declined("not for this"))
    act("third", 10, "the answer")
    act("fourth", 5, "never asked")
    assert manager.with_recovery(broken, CONTEXT) == "the answer"
    assert steps(manager) == [("first", "raised"), ("second", "declined"), ("third", "returned")]
    record = manager.history.records()[0]
    assert (record.outcome, record.recovered_by) == ("recovered", "third")
    assert (record.error_type, record.error_message) == ("ConnectionError", "down")
    assert [step.detail for step in record.steps][:2] == ["RuntimeError: cannot", "not for this"]


def test_a_prediction_tells_the_order_and_why_not_and_touches_nothing(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    one = act("one", 10, "x", should_execute=lambda e, c: Declined("not today"))
    two = act("two", 20, "x")
    three = act("three", 5, "x", should_execute=lambda e, c: False)
    predicted = manager.predict(ConnectionError(), CONTEXT)
    assert [(p.action, p.applies, p.why_not) for p in predicted] == [
        ("two", True, None),
        ("one", False, "not today"),
        ("three", False, "it does not apply"),
    ]
    assert one == two == three == []
    assert manager.history.records() == []


def test_with_nothing_that_helps_the_error_itself_is_raised(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("a", 1, RuntimeError("no"))
    with pytest.raises(ConnectionError, match="down") as caught:
        manager.with_recovery(broken, CONTEXT)
    assert caught.value.__notes__ == ["recovery: nothing helped: a raised"]
    assert caught.value.__context__ is None
    assert manager.history.records()[0].outcome == "failed"


def test_after_a_repair_the_operation_is_run_again(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    runs = act("repair", 1, RETRY_OPERATION)
    assert manager.with_recovery(failing(1), CONTEXT) == "ok"
    assert [context.attempt for _, context in runs] == [1]
    record = manager.history.records()[0]
    assert (record.attempts, record.recovered_by) == (2, "repair")


def test_it_is_run_no_more_often_than_max_attempts(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    runs = act("repair", 1, RETRY_OPERATION, max_attempts=100)
    calls = []

    def operation() -> NoReturn:
        calls.append(1)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        manager.with_recovery(operation, CONTEXT, max_attempts=3)
    assert (len(calls), len(runs)) == (3, 2)


def test_without_recovery_the_error_passes(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    runs = act("a", 1, "answer")
    with pytest.raises(ConnectionError):
        manager.with_recovery(broken, CONTEXT, enable_recovery=False)
    assert runs == []


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_passes_and_leaves_the_turn_free(
    manager: ErrorRecoveryManager,
    act: Callable[..., list[Any]],
    interrupt: type[SystemExit] | type[KeyboardInterrupt],
) -> None:
    act("repair", 1, lambda error, context: (_ for _ in ()).throw(interrupt()))
    for _ in range(2):
        with pytest.raises(interrupt):
            manager.with_recovery(broken, CONTEXT)


def test_a_predicate_that_raises_declines(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("bad", 2, "x", should_execute=lambda e, c: 1 / 0)
    act("good", 1, "answer")
    assert manager.with_recovery(broken, CONTEXT) == "answer"
    assert steps(manager)[0] == ("bad", "declined")


def test_what_is_held_back_is_not_run(clock: ManualClock) -> None:
    manager = ErrorRecoveryManager(clock=clock, suspended=lambda action: "the risk is high")
    manager.register_recovery_action("a", 1, execute=lambda e, c: "x")
    with pytest.raises(ConnectionError):
        manager.with_recovery(broken, CONTEXT)
    assert manager.history.records()[0].steps[0].detail == "the risk is high"


def test_the_context_travels_to_the_actions_and_into_the_history(clock: ManualClock) -> None:
    manager = ErrorRecoveryManager(
        clock=clock, ambient=lambda: {"user": "kim", "correlation_id": "abc"}
    )
    seen = []
    manager.register_recovery_action("a", 1, execute=lambda e, c: seen.append(c) or "x")
    context = RecoveryContext(
        operation="op", service="svc", metadata={"page": 2, "api_token": "s3cret", "o": object()}
    )
    manager.with_recovery(broken, context)
    assert (seen[0].user, seen[0].correlation_id, seen[0].metadata["page"]) == ("kim", "abc", 2)
    record = manager.history.records()[0].as_dict()
    assert (record["user"], record["correlation_id"], record["service"]) == ("kim", "abc", "svc")
    assert record["metadata"]["api_token"] == "***"
    assert "s3cret" not in str(record)


def test_a_refusal_against_which_nothing_was_tried_is_not_worth_a_record(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    """Keeps out: a history full of nothing, a thousand times a second, while a breaker is open."""
    act("a", 1, Declined("no"), should_execute=lambda e, c: False)

    def refused() -> NoReturn:
        raise CircuitOpenError("svc", 5)

    with pytest.raises(CircuitOpenError):
        manager.with_recovery(refused, CONTEXT)
    assert manager.history.records() == []


def test_everybody_hears_of_it_and_a_deaf_sink_harms_nobody(
    manager: ErrorRecoveryManager,
    act: Callable[..., list[Any]],
    heard: Callable[[Signal], list[Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    events = heard(recovery_finished)
    manager.history.sinks.append(lambda record: 1 / 0)  # type: ignore[arg-type]
    act("a", 1, "answer")
    assert manager.with_recovery(broken, CONTEXT) == "answer"
    assert [event.record.recovered_by for event in events] == ["a"]
    assert "sink" in caplog.text


def test_statistics_count_each_action_and_how_it_ended(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("first", 2, RuntimeError())
    act("second", 1, "answer")
    act("unused", 0, "answer")
    for _ in range(3):
        manager.with_recovery(broken, RecoveryContext(service="a"))
    figures = manager.statistics()
    assert (figures["first"]["raised"], figures["second"]["recovered"]) == (3, 3)
    assert (figures["first"]["success_rate"], figures["second"]["success_rate"]) == (0.0, 1.0)
    assert (figures["unused"]["returned"], figures["unused"]["success_rate"]) == (0, None)


def test_nothing_is_kept_of_an_error_that_nobody_could_help(manager: ErrorRecoveryManager) -> None:
    """Keeps out: an error, its frames and all they know, until the garbage collector comes."""

    class OwnError(Exception):
        pass

    def fails() -> NoReturn:
        raise OwnError

    strategy = Recovery(manager, service="svc", operation="svc.op")
    gc.collect()
    gc.disable()
    try:
        calls: tuple[Callable[[], object], ...] = (
            lambda: strategy.call(fails),
            lambda: manager.with_recovery(fails, CONTEXT),
        )
        for call in calls:
            with pytest.raises(OwnError):
                call()
        assert not [each for each in gc.get_objects() if isinstance(each, OwnError)]
    finally:
        gc.enable()
