"""Who may run an action now, and what the others are told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from medianest.resilience import ManualClock, RecoveryAction
from medianest.resilience.recovery.action_gate import ActionGate, Ending, GateDecision

LONG = 10.0


@pytest.fixture
def gate() -> Any:
    return ActionGate()


def action(**options: Any) -> Any:
    return RecoveryAction(
        name="repair",
        priority=1,
        execute=lambda error, context: None,
        **{"patience": LONG, **options},
    )


@pytest.fixture
def meanwhile(gate: Any, clock: ManualClock) -> Callable[..., Any]:
    """`meanwhile(end)`: another thread asks while this one runs the action, which then ends so."""

    def ask(its: Any, how: Any, before: int = 0) -> Any:
        assert gate.begin(its, "shop", before, clock) is GateDecision.RUN
        with ThreadPoolExecutor(1) as pool:
            asks = threading.Event()

            def wait() -> Any:
                asks.set()
                return gate.begin(its, "shop", before, clock)

            told = pool.submit(wait)
            assert asks.wait(LONG)
            if how is not None:
                gate.end(its, "shop", how, clock.now())
            return told.result(LONG)

    return ask


def test_who_waited_shares_a_repair(meanwhile: Callable[..., Any]) -> None:
    assert meanwhile(action(), Ending.REPAIRED) is GateDecision.SHARE


def test_who_waited_for_an_answer_runs_it_for_itself(meanwhile: Callable[..., Any]) -> None:
    assert meanwhile(action(), Ending.ANSWERED) is GateDecision.RUN


def test_nobody_waits_for_longer_than_the_patience(meanwhile: Callable[..., Any]) -> None:
    assert meanwhile(action(patience=0.01), None) == "it still runs for another call"


def test_an_action_does_not_wait_for_itself(gate: Any, clock: ManualClock) -> None:
    its = action()
    assert gate.begin(its, "shop", 0, clock) is GateDecision.RUN
    assert gate.begin(its, "shop", 0, clock) == "it is this action's own call that failed"
    assert gate.begin(its, "other", 0, clock) is GateDecision.RUN


def test_one_that_many_may_run_waits_for_nobody_and_rests_like_any(
    gate: Any, clock: ManualClock
) -> None:
    its = action(concurrent=True, max_attempts=1, suspend_for=60)
    for _ in range(2):
        assert gate.begin(its, "shop", 0, clock) is GateDecision.RUN
    gate.end(its, "shop", Ending.FAILED, clock.now())
    assert gate.begin(its, "shop", 0, clock) == "it failed 1 time in a row and is suspended"
    clock.advance(60)
    assert gate.begin(its, "shop", 0, clock) is GateDecision.RUN


def test_who_waited_for_a_failure_does_not_run_it_again(meanwhile: Callable[..., Any]) -> None:
    told = meanwhile(action(), Ending.FAILED)
    assert told == "it has just failed for another call"


def test_each_repair_is_shared_by_those_who_waited_for_it(
    gate: Any, meanwhile: Callable[..., Any]
) -> None:
    for _ in range(3):
        assert meanwhile(action(), Ending.REPAIRED, gate.repairs) is GateDecision.SHARE


def test_after_its_rest_an_action_may_fail_as_often_as_before(
    gate: Any, clock: ManualClock
) -> None:
    its = action(max_attempts=2, suspend_for=60)

    def fail() -> None:
        assert gate.begin(its, "shop", 0, clock) is GateDecision.RUN
        gate.end(its, "shop", Ending.FAILED, clock.now())

    fail()
    fail()
    assert gate.obstacle(its, "shop", clock.now()) is not None
    clock.advance(60)
    fail()
    assert gate.obstacle(its, "shop", clock.now()) is None


# -- names that come from outside --------------------------------------------------------------


def test_of_more_than_a_thousand_services_the_first_is_forgotten(
    gate: Any, clock: ManualClock
) -> None:
    """Keeps out: memory that grows with each name that a caller makes up."""
    its = action(max_attempts=1, suspend_for=60)

    def fail(service: str) -> None:
        assert gate.begin(its, service, 0, clock) is GateDecision.RUN
        gate.end(its, service, Ending.FAILED, clock.now())

    for number in range(1_000):
        fail(str(number))
    assert gate.obstacle(its, "0", clock.now()) is not None
    fail("1000")
    assert gate.obstacle(its, "0", clock.now()) is None
    assert gate.obstacle(its, "1", clock.now()) is not None


def test_one_that_runs_is_never_forgotten(gate: Any, clock: ManualClock) -> None:
    its = action()
    for number in range(1_001):
        assert gate.begin(its, str(number), 0, clock) is GateDecision.RUN
    for number in range(1_001):
        told = gate.begin(its, str(number), 0, clock)
        assert told == "it is this action's own call that failed"
