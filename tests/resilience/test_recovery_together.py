"""Many calls that fail at once: one repair for all of them, and nothing for the others."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import pytest

from medianest.resilience import (
    RETRY_OPERATION,
    ErrorRecoveryManager,
    ManualClock,
    RecoveryContext,
)
from tests.resilience.recovering import CONTEXT, broken, failing, steps


def test_a_hundred_that_fail_at_once_cause_one_repair(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    repairing, gate = threading.Event(), threading.Barrier(100)
    fine = threading.Event()

    def repair(error: ConnectionError, context: RecoveryContext) -> enum.Enum:
        repairing.wait(5)
        fine.set()
        return RETRY_OPERATION

    def operation() -> str:
        if not fine.is_set():
            raise ConnectionError
        return "ok"

    runs = act("reconnect", 10, repair)

    def call(_: int) -> str:
        gate.wait()
        return manager.with_recovery(operation, CONTEXT)

    with ThreadPoolExecutor(100) as pool:
        answers = pool.map(call, range(100))
        repairing.set()
        assert set(answers) == {"ok"}
    assert len(runs) == 1
    outcomes = [s.outcome for r in manager.history.records() for s in r.steps]
    assert outcomes.count("repaired") == 1


def test_a_hundred_that_fail_at_once_cause_one_failed_repair(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    gate, all_there = threading.Barrier(100), threading.Event()

    def repair(error: ConnectionError, context: RecoveryContext) -> NoReturn:
        all_there.wait(0.5)
        raise OSError("still down")

    runs = act("reconnect", 10, repair, cooldown=60)

    def call(_: int) -> None:
        gate.wait()
        with pytest.raises(ConnectionError):
            manager.with_recovery(broken, CONTEXT)

    with ThreadPoolExecutor(100) as pool:
        list(pool.map(call, range(100)))
    assert len(runs) == 1


def test_services_do_not_wait_for_each_other(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    runs = act("reconnect", 10, RETRY_OPERATION, cooldown=60)
    for service in ("a", "b"):
        context = RecoveryContext(service=service)
        assert manager.with_recovery(failing(1), context) == "ok"
    assert len(runs) == 2


def test_an_answer_for_one_is_never_given_to_another_who_waited(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    """Keeps out: one user's cached answer served to all who failed at the same time."""
    gate = threading.Barrier(20)
    act("answer", 1, lambda error, context: context.user)

    def call(number: int) -> str:
        gate.wait()
        return manager.with_recovery(broken, RecoveryContext(user=str(number)))

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(call, range(20))) == [str(number) for number in range(20)]


def test_between_two_runs_an_action_cools_down(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]], clock: ManualClock
) -> None:
    runs = act("repair", 1, RETRY_OPERATION, cooldown=30)
    assert manager.with_recovery(failing(1), CONTEXT) == "ok"
    with pytest.raises(ConnectionError):
        manager.with_recovery(failing(1), CONTEXT)
    assert steps(manager) == [("repair", "suspended")]
    clock.advance(30)
    assert manager.with_recovery(failing(1), CONTEXT) == "ok"
    assert len(runs) == 2


def test_an_action_that_fails_again_and_again_rests(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]], clock: ManualClock
) -> None:
    runs = act("repair", 1, RuntimeError("no"), max_attempts=3, suspend_for=60)
    for _ in range(5):
        with pytest.raises(ConnectionError):
            manager.with_recovery(broken, CONTEXT)
    assert len(runs) == 3
    clock.advance(60)
    with pytest.raises(ConnectionError):
        manager.with_recovery(broken, CONTEXT)
    assert len(runs) == 4


def test_a_repair_that_did_not_help_counts_as_failed(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    runs = act("repair", 1, RETRY_OPERATION, max_attempts=2, suspend_for=60)
    for _ in range(4):
        with pytest.raises(ConnectionError):
            manager.with_recovery(broken, CONTEXT, max_attempts=2)
    assert len(runs) == 2
