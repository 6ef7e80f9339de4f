"""Recovery as a strategy: what it tells the actions of a call, and how often it is run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from medianest.resilience import (
    RETRY_OPERATION,
    ConfigurationError,
    ErrorRecoveryManager,
    MemoryLastGood,
    Recovery,
)
from medianest.resilience.naming import UNNAMED, name_for
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


def test_what_goes_well_ends_the_outage_of_the_function_of_its_name(
    manager: ErrorRecoveryManager, seen: Callable[..., Any]
) -> None:
    recovery, errors = Recovery(manager, service="shop"), iter([ConnectionError("down"), None])

    def shelf() -> str:
        if error := next(errors):
            raise error
        return "films"

    assert recovery.call(shelf) == "answer"
    assert [each.operation for each in manager.history.grown()] == [name_for(UNNAMED, shelf)]
    assert recovery.call(shelf) == "films"
    assert manager.history.grown() == []


def test_a_call_is_made_twice_at_most_unless_another_number_is_given(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    runs = []
    act("repair", 1, RETRY_OPERATION)
    with pytest.raises(ConnectionError):
        Recovery(manager, service="shop").call(lambda: runs.append(1) or broken())
    assert len(runs) == 2


def test_a_rehearsal_makes_the_call_as_often_as_a_real_one_would_be(
    manager: ErrorRecoveryManager,
) -> None:
    Recovery(manager, service="shop", operation="shop.shelf", max_attempts=5)
    assert manager.operations.get("shop.shelf").max_attempts == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"operation": 5}, "operation must be a name or a function, not 5"),
        ({"metadata": 5}, "metadata must be a function, not 5"),
        ({"max_attempts": 0}, "max_attempts must be a whole number of at least 1, not 0"),
        ({"key": str}, "key and handles are for last_good alone"),
        ({"handles": OSError}, "key and handles are for last_good alone"),
        (
            {"last_good": MemoryLastGood(60), "key": str},
            "last_good needs a name as operation, and a key",
        ),
        (
            {"last_good": MemoryLastGood(60), "operation": "shelf"},
            "last_good needs a name as operation, and a key",
        ),
    ],
)
def test_a_wrong_recovery_is_refused_and_says_whose_it_is(
    manager: ErrorRecoveryManager, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Recovery(manager, service="shop", **options)
    assert str(caught.value) == f"recovery of 'shop': {message}"


def test_a_store_that_keeps_nothing_is_told_with_the_operation(
    manager: ErrorRecoveryManager, caplog: pytest.LogCaptureFixture
) -> None:
    recovery = Recovery(
        manager,
        service="shop",
        operation="shop.shelf",
        last_good=MemoryLastGood(60),
        key=lambda name: [name],  # type: ignore[arg-type, return-value]
    )
    assert recovery.call(lambda name: name, "films") == "films"
    assert caplog.messages == ["good answers of shop.shelf cannot be kept"]
