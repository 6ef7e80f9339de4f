"""Recovery as a strategy: what it tells the actions of a call, and how often it is run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from medianest.resilience import RETRY_OPERATION, ErrorRecoveryManager, Recovery
from tests.resilience.recovering import broken


def failing_call(name: Any, *, page: Any) -> NoReturn:
    raise ConnectionError("down")


@pytest.fixture
def seen(manager: ErrorRecoveryManager, act: Callable[..., list[Any]]) -> Callable[..., Any]:
    """What the actions are told of a call."""
    runs = act("answers", 1, "answer")
    return lambda: runs[-1][1]


def test_a_call_is_told_by_its_function_or_by_what_its_arguments_say(
    manager: ErrorRecoveryManager, seen: Callable[..., Any]
) -> None:
    assert Recovery(manager, service="shop").call(failing_call, "films", page=2) == "answer"
    assert (seen().operation, seen().service, dict(seen().metadata)) == ("failing_call", "shop", {})
    told = Recovery(
        manager,
        service="shop",
        operation=lambda name, *, page: f"{name}/{page}",
        metadata=lambda name, *, page: {"name": name, "page": page},
    )
    told.call(failing_call, "films", page=2)
    assert seen().operation == "films/2"
    assert seen().metadata == {"name": "films", "page": 2}


def test_functions_that_fail_cost_nobody_the_answer(
    manager: ErrorRecoveryManager, seen: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    recovery = Recovery(
        manager,
        service="shop",
        operation=lambda *_, **__: str(1 / 0),
        metadata=lambda *_, **__: {"n": 1 / 0},
    )
    assert recovery.call(failing_call, "films", page=2) == "answer"
    assert (seen().operation, dict(seen().metadata)) == ("failing_call", {})
    assert caplog.messages == [
        "operation of the recovery of 'shop' failed",
        "metadata of the recovery of 'shop' failed",
    ]


def test_what_goes_well_ends_the_outage_of_what_its_arguments_say(
    manager: ErrorRecoveryManager, seen: Callable[..., Any]
) -> None:
    recovery = Recovery(manager, service="shop", operation=lambda name, *, page: f"{name}/{page}")
    recovery.call(failing_call, "films", page=2)
    recovery.call(lambda name, *, page: name, "films", page=3)
    assert [each.operation for each in manager.history.grown()] == ["films/2"]
    recovery.call(lambda name, *, page: name, "films", page=2)
    assert manager.history.grown() == []


@pytest.mark.parametrize("most", [1, 3])
def test_an_operation_is_run_so_many_times_at_most(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]], most: Any
) -> None:
    runs = []
    act("repair", 1, RETRY_OPERATION)
    with pytest.raises(ConnectionError):
        Recovery(manager, service="shop", max_attempts=most).call(
            lambda: runs.append(1) or broken()
        )
    assert len(runs) == most
