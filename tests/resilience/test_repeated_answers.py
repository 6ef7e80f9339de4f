"""The short way of a last good answer, in an outage that is counted already: who is asked again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from medianest.resilience import (
    Declined,
    ErrorRecoveryManager,
    ManualClock,
    MemoryLastGood,
    Recovery,
)
from medianest.resilience.recovery import cache_fallback
from tests.resilience.recovering import SHELF, Shop


@pytest.fixture
def asked(manager: ErrorRecoveryManager) -> list[int]:
    """Grows with each failed call that goes the long way."""
    asked: list[int] = []
    manager.ambient = lambda: asked.append(1) or {}
    return asked


def test_thousands_of_calls_ask_the_actions_once(
    ask: Callable[..., Any], shop: Shop, asked: list[int]
) -> None:
    ask()
    shop.error = ConnectionError("down")
    assert [ask() for _ in range(100)] == [(["films"], 0)] * 100
    assert len(asked) == 1


def test_an_action_that_had_a_say_is_asked_each_time(
    ask: Callable[..., Any], shop: Shop, act: Callable[..., list[Any]]
) -> None:
    answers = iter([Declined("not yet"), Declined("not yet"), "a better answer"])
    act("better", 100, lambda error, context: next(answers))
    ask()
    shop.error = ConnectionError("down")
    assert [ask() for _ in range(3)] == [(["films"], 0), (["films"], 0), "a better answer"]


def test_an_answer_of_another_action_is_asked_for_each_time(
    ask: Callable[..., Any], shop: Shop, act: Callable[..., list[Any]]
) -> None:
    """Keeps out: an old answer in the place of what an action has for this call."""
    runs = act("better", 100, "a better answer")
    ask()
    shop.error = ConnectionError("down")
    assert [ask() for _ in range(3)] == ["a better answer"] * 3
    assert len(runs) == 3


def test_one_that_may_be_held_back_is_asked_each_time(
    manager: ErrorRecoveryManager, recovery: Recovery, ask: Callable[..., Any], shop: Shop
) -> None:
    manager.unregister_recovery_action("cache-fallback")
    manager.register_recovery_action(replace(cache_fallback(), optional=True))
    ask()
    shop.error = ConnectionError("down")
    assert ask() == (["films"], 0)
    manager.suspended = lambda action: "the risk is high"
    with pytest.raises(ConnectionError):
        ask()


def test_the_first_answer_of_an_outage_tells_its_age(
    manager: ErrorRecoveryManager, ask: Callable[..., Any], shop: Shop, clock: ManualClock
) -> None:
    ask()
    shop.error = ConnectionError("down")
    clock.advance(7)
    ask()
    assert [record.oldest_age for record in manager.history.records()] == [7]


def test_each_answer_is_marked_for_the_error_of_its_own_call_and_the_oldest_is_told(
    manager: ErrorRecoveryManager, shop: Shop, clock: ManualClock
) -> None:
    recovery = Recovery(
        manager,
        service="shop",
        operation=SHELF,
        last_good=MemoryLastGood(3600, clock=clock),
        key=lambda name: name,
        handles=ConnectionError,
        stale=lambda answer, age, error: (age, str(error)),
    )
    recovery.call(shop.shelf, "films")
    found = []
    for word in ("first", "second", "third"):
        clock.advance(0.25)
        shop.error = ConnectionError(word)
        found.append(recovery.call(shop.shelf, "films"))
    assert found == [(0.25, "first"), (0.5, "second"), (0.75, "third")]
    [record] = manager.history.records()
    assert (record.count, record.oldest_age) == (3, 0.75)


def test_an_error_that_no_old_answer_helps_against_is_raised_in_an_outage_as_well(
    ask: Callable[..., Any], shop: Shop
) -> None:
    ask()
    shop.error = ConnectionError("down")
    ask()
    shop.error = LookupError("no such shelf")
    with pytest.raises(LookupError):
        ask()
