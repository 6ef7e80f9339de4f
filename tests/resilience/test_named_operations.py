"""Operations with a name: each has one service and one store, and can be rehearsed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from medianest.resilience import (
    ConfigurationError,
    ErrorRecoveryManager,
    ManualClock,
    MemoryLastGood,
    Recovery,
    UnknownNameError,
)
from medianest.resilience.recovery import cache_fallback
from tests.resilience.recovering import SHELF


def test_an_operation_has_one_name_and_one_store(
    manager: ErrorRecoveryManager, recovery: Recovery, clock: ManualClock
) -> None:
    with pytest.raises(ConfigurationError, match="already"):
        Recovery(
            manager,
            service="shop",
            operation=SHELF,
            last_good=MemoryLastGood(60, clock=clock),
            key=lambda name: name,
        )
    with pytest.raises(ConfigurationError, match="already"):
        Recovery(manager, service="other", operation=SHELF)
    with pytest.raises(UnknownNameError, match=SHELF):
        manager.operations.get("shop.counter")


@pytest.mark.parametrize(
    "wrong",
    [
        {"operation": None},
        {"operation": lambda name: "computed"},
        {"key": None},
        {"key": 5},
        {"stale": 5},
        {"last_good": 5},
        {"last_good": None},
        {"handles": "nonsense"},
        {"max_attempts": 0},
    ],
)
def test_a_wrong_option_is_told(manager: ErrorRecoveryManager, wrong: dict[str, Any]) -> None:
    right = {
        "service": "shop",
        "operation": "op",
        "last_good": MemoryLastGood(60),
        "key": lambda name: name,
    }
    with pytest.raises(ConfigurationError):
        Recovery(manager, **{**right, **wrong})


def test_the_action_that_serves_them_comes_by_itself_once(
    manager: ErrorRecoveryManager, recovery: Recovery
) -> None:
    assert [action.name for action in manager.actions] == ["cache-fallback"]
    with pytest.raises(ConfigurationError, match="already"):
        manager.register_recovery_action(cache_fallback())


def test_a_rehearsal_looks_for_the_answer_that_the_call_would_get(
    manager: ErrorRecoveryManager, ask: Callable[..., Any], recovery: Recovery
) -> None:
    def why_not(**given: Any) -> str | None:
        context = manager.operations.get(SHELF).rehearsal(given)
        return manager.predict(ConnectionError(), context)[0].why_not

    assert why_not() == "nobody has asked for it yet"
    ask("films")
    assert (why_not(), why_not(name="films")) == (None, None)
    assert why_not(name="shows") == "there is no good answer that is young enough"
    with pytest.raises(ConfigurationError, match="plain values"):
        why_not(name=[])
