"""What each step of a recovery tells, and which step comes after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from medianest.resilience import RETRY_OPERATION, Declined, ErrorRecoveryManager, ManualClock
from tests.resilience.recovering import CONTEXT, broken, failing


@pytest.fixture
def told(manager: ErrorRecoveryManager) -> Callable[..., list[Any]]:
    """What the last record tells of its steps, by these fields."""

    def of_steps(*fields: str) -> list[Any]:
        steps = manager.history.records()[0].steps
        return [tuple(getattr(step, field) for field in fields) for step in steps]

    return of_steps


def takes(clock: ManualClock, seconds: float, answer: Any) -> Callable[[Any, Any], Any]:
    """What an action executes that takes so long."""

    def execute(error: Any, context: Any) -> Any:
        clock.advance(seconds)
        return answer

    return execute


def test_an_action_is_given_the_error_of_the_last_run(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    first, second = ConnectionError("first"), TimeoutError("second")
    errors = iter([first, second])

    def operation() -> None:
        raise next(errors)

    asked = []
    repairs = act("repair", 2, RETRY_OPERATION)
    answers = act(
        "answers",
        1,
        "answer",
        should_execute=lambda error, context: asked.append((error, context.attempt)) or True,
    )
    assert manager.with_recovery(operation, CONTEXT, max_attempts=2) == "answer"
    assert [(error, context.attempt) for error, context in repairs] == [(first, 1)]
    assert [(error, context.attempt) for error, context in answers] == [(second, 2)]
    assert asked == [(second, 2)]


def test_each_step_says_why_and_in_which_attempt(
    manager: ErrorRecoveryManager,
    act: Callable[..., list[Any]],
    told: Callable[..., list[Any]],
    clock: ManualClock,
) -> None:
    act("unfit", 5, "x", should_execute=lambda error, context: False)
    act("repair", 4, RETRY_OPERATION)
    act("raises", 3, takes(clock, 2, ValueError("in vain")))
    act("declines", 2, Declined("not today"))
    with pytest.raises(ConnectionError):
        manager.with_recovery(broken, CONTEXT, max_attempts=2)
    assert told("action", "outcome", "detail", "seconds", "attempt") == [
        ("unfit", "declined", "it does not apply", 0, 1),
        ("repair", "repaired", "repaired; the operation is run again", 0, 1),
        ("unfit", "declined", "it does not apply", 0, 2),
        ("repair", "suspended", "no attempts are left to run the operation again", 0, 2),
        ("raises", "raised", "ValueError: in vain", 2, 2),
        ("declines", "declined", "not today", 0, 2),
    ]


def test_a_repair_that_comes_too_late_leaves_the_answer_to_others(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]], told: Callable[..., list[Any]]
) -> None:
    act("repair", 2, RETRY_OPERATION)
    act("answers", 1, "answer")
    assert manager.with_recovery(broken, CONTEXT, max_attempts=1) == "answer"
    assert told("action", "detail") == [
        ("repair", "repaired; the operation is run again"),
        ("answers", "an answer"),
    ]


def test_nobody_who_has_repaired_it_is_asked_when_no_attempt_is_left(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    answers = iter([RETRY_OPERATION, ValueError("in vain"), RETRY_OPERATION])
    first = act("first", 2, lambda error, context: next(answers))
    second = act("second", 1, RETRY_OPERATION)
    with pytest.raises(ConnectionError):
        manager.with_recovery(broken, CONTEXT, max_attempts=3)
    assert (len(first), len(second)) == (2, 1)


def test_who_shares_a_repair_says_so_and_is_not_counted_when_it_did_not_help(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]], told: Callable[..., list[Any]]
) -> None:
    repairs = act("repair", 1, RETRY_OPERATION, max_attempts=1)

    def fails_while_another_call_has_it_repaired() -> None:
        if not repairs:
            assert manager.with_recovery(failing(1), CONTEXT) == "ok"
        broken()

    with pytest.raises(ConnectionError):
        manager.with_recovery(fails_while_another_call_has_it_repaired, CONTEXT, max_attempts=2)
    assert len(repairs) == 1
    assert told("outcome", "detail")[0] == ("shared", "another call has just repaired it")
    assert manager.predict(ConnectionError(), CONTEXT)[0].applies


def test_an_action_that_raises_is_logged(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    act("repair", 1, ValueError("in vain"))
    with pytest.raises(ConnectionError):
        manager.with_recovery(broken, CONTEXT)
    assert caplog.messages == ["recovery action repair failed: ValueError: in vain"]


@pytest.mark.parametrize(("between", "rests"), [("answer", False), (Declined("no"), True)])
def test_an_answer_between_two_failures_forgets_the_first_and_no_answer_does_not(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]], between: Any, rests: bool
) -> None:
    answers = iter([ValueError("in vain"), between, ValueError("in vain")])
    act("tries", 2, lambda error, context: next(answers), max_attempts=2)
    act("answers", 1, "answer")
    for _ in range(3):
        assert manager.with_recovery(broken, CONTEXT) == "answer"
    assert manager.predict(ConnectionError(), CONTEXT)[0].applies is not rests


def test_a_rehearsal_that_helps_forgets_no_failure(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    answers = iter([ValueError("in vain"), RETRY_OPERATION, ValueError("in vain")])
    act("repair", 1, lambda error, context: next(answers), max_attempts=2)
    with pytest.raises(ConnectionError):
        manager.with_recovery(broken, CONTEXT)
    assert manager.rehearse(ConnectionError(), CONTEXT).outcome == "recovered"
    with pytest.raises(ConnectionError):
        manager.with_recovery(broken, CONTEXT)
    assert not manager.predict(ConnectionError(), CONTEXT)[0].applies


# -- the record as a whole -------------------------------------------------------------------------


def test_a_record_has_the_time_of_the_failure_and_not_of_its_end(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]], clock: ManualClock
) -> None:
    act("raises", 1, takes(clock, 5, ValueError("in vain")))
    began = clock.utc()
    with pytest.raises(ConnectionError):
        manager.with_recovery(broken, CONTEXT)
    [record] = manager.history.records()
    assert (record.at, record.seconds, record.rehearsal) == (began, 5, False)
    assert (record.outcome, record.recovered_by) == ("failed", None)


def test_nobody_has_recovered_what_a_repair_did_not_help(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("repair", 1, RETRY_OPERATION)
    with pytest.raises(ConnectionError):
        manager.with_recovery(broken, CONTEXT, max_attempts=2)
    [record] = manager.history.records()
    assert (record.outcome, record.recovered_by) == ("failed", None)
    assert manager.history.grown() == []


def test_what_was_repaired_is_no_outage(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("repair", 1, RETRY_OPERATION)
    for _ in range(2):
        assert manager.with_recovery(failing(1), CONTEXT) == "ok"
    assert [record.count for record in manager.history.records()] == [1, 1]
    assert manager.history.grown() == []


def test_an_outage_takes_what_its_calls_took(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]], clock: ManualClock
) -> None:
    act("answers", 1, takes(clock, 0.5, "answer"))
    began = clock.utc()
    for _ in range(3):
        assert manager.with_recovery(broken, CONTEXT) == "answer"
    [record] = manager.history.records()
    assert (record.at, record.seconds, record.count) == (began, 1.5, 3)


def test_a_rehearsal_is_recorded_as_one(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("answers", 1, "answer")
    assert manager.rehearse(ConnectionError(), CONTEXT).rehearsal
