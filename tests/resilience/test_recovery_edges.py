"""Repairs that help, repairs that do not, and what the history knows of outages that last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from medianest.resilience import RETRY_OPERATION, ErrorRecoveryManager, ManualClock, RecoveryContext
from medianest.resilience.recovery.outage import Outage
from tests.resilience.recovering import CONTEXT, broken

OTHER = RecoveryContext(operation="other", service="svc")


def flaky() -> Callable[[], str]:
    """An operation that fails whenever it is run for the first time, and goes well then."""
    runs = []

    def operation() -> str:
        runs.append(1)
        if len(runs) % 2:
            raise ConnectionError("down")
        return "well"

    return operation


def test_a_repair_that_helps_each_time_never_rests(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    runs, operation = act("repair", 1, RETRY_OPERATION, max_attempts=2, suspend_for=60), flaky()
    assert [manager.with_recovery(operation, CONTEXT) for _ in range(5)] == ["well"] * 5
    assert len(runs) == 5


def test_a_repair_that_helps_forgets_those_that_did_not(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    runs, operation = act("repair", 1, RETRY_OPERATION, max_attempts=2, suspend_for=60), flaky()
    for _ in range(3):
        with pytest.raises(ConnectionError):
            manager.with_recovery(broken, CONTEXT, max_attempts=2)
        assert manager.with_recovery(operation, CONTEXT, max_attempts=2) == "well"
    assert len(runs) == 6


def test_a_repair_that_does_not_help_rests(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]], clock: ManualClock
) -> None:
    runs = act("repair", 1, RETRY_OPERATION, max_attempts=2, suspend_for=60)
    for _ in range(4):
        with pytest.raises(ConnectionError):
            manager.with_recovery(broken, CONTEXT, max_attempts=2)
    assert len(runs) == 2
    prediction = manager.predict(ConnectionError(), CONTEXT)[0]
    assert prediction.why_not == "it failed 2 times in a row and is suspended"
    clock.advance(60)
    assert manager.predict(ConnectionError(), CONTEXT)[0].applies


def test_who_gets_the_error_reads_what_was_tried(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("declines", 3, "answer", should_execute=lambda error, context: False)
    act("repair", 2, RETRY_OPERATION)
    act("raises", 1, ValueError("in vain"))
    with pytest.raises(ConnectionError) as caught:
        manager.with_recovery(broken, CONTEXT, max_attempts=2)
    [note] = caught.value.__notes__
    assert note == ("recovery: nothing helped: repair repaired, repair suspended, raises raised")


def test_an_error_that_is_nobodys_business_has_no_note_and_no_record(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("declines", 3, "answer", should_execute=lambda error, context: False)
    with pytest.raises(ConnectionError) as caught:
        manager.with_recovery(broken, CONTEXT)
    assert not hasattr(caught.value, "__notes__")
    assert manager.history.records() == []


def test_what_goes_well_ends_no_outage_of_another_operation(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("answers", 1, "answer")
    for _ in range(2):
        assert manager.with_recovery(broken, CONTEXT) == "answer"
    assert manager.with_recovery(lambda: "well", OTHER) == "well"
    [lasting] = manager.history.grown()
    assert (lasting.operation, lasting.count, lasting.ended_at) == ("op", 2, None)
    assert manager.with_recovery(lambda: "well", CONTEXT) == "well"
    assert manager.history.grown() == []


def test_sinks_are_told_of_each_record(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    told: list[Any] = []
    manager.history.sinks.append(told.append)
    act("raises", 1, ValueError("in vain"))
    with pytest.raises(ConnectionError):
        manager.with_recovery(broken, CONTEXT)
    assert told == manager.history.records()


def test_an_outage_is_told_again_when_it_has_grown_and_not_for_a_while(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]], clock: ManualClock
) -> None:
    act("answers", 1, "answer")
    manager.with_recovery(broken, CONTEXT)
    outage = manager.history.lasting["svc", "op"]
    assert isinstance(outage, Outage)
    clock.advance(60)
    assert not outage.is_time_to_tell(clock.now())  # nothing has happened since
    manager.with_recovery(broken, CONTEXT)
    assert outage.is_time_to_tell(clock.now())
    assert not outage.is_time_to_tell(clock.now())
    clock.advance(59)
    manager.with_recovery(broken, CONTEXT)
    assert not outage.is_time_to_tell(clock.now())
    clock.advance(1)
    assert outage.is_time_to_tell(clock.now())


def test_how_each_action_fared_is_counted(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]], clock: ManualClock
) -> None:
    def takes(seconds: Any, answer: Any) -> Callable[[Any, Any], Any]:
        def execute(error: Any, context: Any) -> Any:
            clock.advance(seconds)
            return answer

        return execute

    act("unused", 5, "answer", concerns=lambda context: False)
    act("declines", 4, "answer", should_execute=lambda error, context: False)
    act("repair", 3, takes(0.1234567, RETRY_OPERATION), cooldown=60)
    act("raises", 2, ValueError("in vain"))
    act("answers", 1, takes(0.5, "answer"))
    for _ in range(3):
        assert manager.with_recovery(broken, CONTEXT, max_attempts=2) == "answer"
    found = manager.statistics()
    none: dict[str, Any] = dict.fromkeys(
        ("returned", "repaired", "shared", "raised", "declined", "suspended"), 0
    )
    none |= {"recovered": 0, "success_rate": None, "seconds": 0.0}
    assert found["unused"] == none
    assert found["declines"] == {**none, "declined": 4}
    repaired = {"repaired": 1, "suspended": 3, "success_rate": 0.0, "seconds": 0.123457}
    assert found["repair"] == {**none, **repaired}
    assert found["raises"] == {**none, "raised": 3, "success_rate": 0.0}
    answered = {"returned": 3, "recovered": 3, "success_rate": 1.0, "seconds": 1.5}
    assert found["answers"] == {**none, **answered}
