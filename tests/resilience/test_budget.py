"""The retry budget: retries are a share of the calls, plus a small reserve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from medianest.resilience import (
    ConfigurationError,
    ManualClock,
    ResilienceService,
    Retry,
    RetryBudget,
    RetryOptions,
)


def calls(budget: RetryBudget, number: int) -> None:
    for _ in range(number):
        next(budget.calls.ticks)


def withdrawn(budget: RetryBudget, attempts: int = 1_000) -> int:
    """How many retries it pays for."""
    return sum(budget.withdraw() for _ in range(attempts))


def test_a_quiet_service_may_retry_from_the_reserve(clock: ManualClock) -> None:
    assert withdrawn(RetryBudget(reserve=10, clock=clock)) == 10


def test_each_call_earns_a_share_of_a_retry(clock: ManualClock) -> None:
    budget = RetryBudget(ratio=0.2, reserve=0, clock=clock)
    calls(budget, 4)
    assert withdrawn(budget) == 0
    calls(budget, 46)
    assert withdrawn(budget) == 10


def test_the_reserve_is_refilled_over_the_period(clock: ManualClock) -> None:
    budget = RetryBudget(ratio=0, reserve=10, period=60, clock=clock)
    assert withdrawn(budget) == 10
    clock.advance(30)
    assert withdrawn(budget) == 5
    clock.advance(1_000)
    assert withdrawn(budget) == 10


def test_calm_times_save_up_a_hundred_retries_and_no_more(clock: ManualClock) -> None:
    budget = RetryBudget(ratio=0.5, reserve=0, clock=clock)
    calls(budget, 10_000)
    assert withdrawn(budget) == 100


def test_without_ratio_and_reserve_nothing_is_retried(clock: ManualClock) -> None:
    budget = RetryBudget(ratio=0, reserve=0, clock=clock)
    calls(budget, 1_000)
    clock.advance(1_000)
    assert withdrawn(budget) == 0


def test_the_snapshot_tells_calls_retries_denied_and_left(clock: ManualClock) -> None:
    budget = RetryBudget(ratio=0.2, reserve=2, clock=clock)
    calls(budget, 5)
    assert withdrawn(budget, 2) == 2
    assert budget.snapshot() == {"calls": 5, "retries": 2, "denied": 0, "left": 1}
    assert withdrawn(budget, 3) == 1
    assert budget.snapshot() == {"calls": 5, "retries": 3, "denied": 2, "left": 0}


def test_what_the_snapshot_says_is_left_can_be_withdrawn(clock: ManualClock) -> None:
    budget = RetryBudget(ratio=0.1, reserve=0, clock=clock)
    for _ in range(10):  # ten times 0.1 is not 1.0 in floating point
        calls(budget, 1)
        budget.snapshot()
    assert budget.snapshot()["left"] == 1
    assert budget.withdraw()


@pytest.mark.parametrize("wrong", [{"ratio": -0.1}, {"ratio": 1.1}, {"reserve": -1}, {"period": 0}])
def test_a_wrong_value_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="a retry budget takes"):
        RetryBudget(**wrong)


def failing(calls: list[Any]) -> Callable[[], NoReturn]:
    def broken() -> NoReturn:
        calls.append(1)
        raise ConnectionError("down")

    return broken


def test_without_a_budget_every_attempt_is_made(clock: ManualClock) -> None:
    calls: list[int] = []
    with pytest.raises(ConnectionError):
        Retry(max_attempts=20, clock=clock, budget=None).call(failing(calls))
    assert len(calls) == 20


def test_who_is_stopped_by_the_usual_budget_is_told_its_numbers(clock: ManualClock) -> None:
    """Keeps out: eleven calls of twenty, and nobody knows why."""
    calls: list[int] = []
    with pytest.raises(ConnectionError) as caught:
        Retry(max_attempts=20, initial_delay=0, clock=clock).call(failing(calls))
    assert len(calls) == 11
    assert caught.value.__notes__ == [
        "retry 'failing.<locals>.broken': gave up after 11 attempts: the retry budget is spent: "
        "a retry for 20% of the calls and 10 more in 60 s; budget=None turns it off"
    ]


@pytest.fixture
def service(clock: ManualClock) -> ResilienceService:
    return ResilienceService(clock=clock)


def test_retries_without_a_name_have_no_budget(service: ResilienceService) -> None:
    """Keeps out: six of twenty flaky jobs that succeed, as each new retry shared a budget."""
    calls: list[int] = []
    with pytest.raises(ConnectionError):
        service.execute_with_retry(failing(calls), max_attempts=20)
    assert len(calls) == 20


@pytest.mark.parametrize(("given", "made"), [({}, 11), ({"budget": None}, 20)])
def test_retries_with_a_name_are_paid_for_unless_none_is_wanted(
    service: ResilienceService, given: dict[str, Any], made: int
) -> None:
    calls: list[int] = []
    with pytest.raises(ConnectionError):
        service.execute_with_retry(
            failing(calls), name="plex", max_attempts=20, initial_delay=0, **given
        )
    assert len(calls) == made


@pytest.mark.parametrize(("given", "made"), [({}, 11), ({"budget": None}, 20)])
def test_a_dependency_has_a_budget_unless_none_is_wanted(
    service: ResilienceService, given: dict[str, Any], made: int
) -> None:
    retry = RetryOptions(max_attempts=20, initial_delay=0)
    service.register_dependency("plex", circuit_breaker=None, retry=retry, **given)
    calls: list[int] = []
    with pytest.raises(ConnectionError):
        service.execute("plex", failing(calls))
    assert len(calls) == made


def test_no_budget_counts_what_it_pays_for(clock: ManualClock) -> None:
    retry = Retry(max_attempts=3, clock=clock, budget=None)
    with pytest.raises(ConnectionError):
        retry.call(failing([]))
    figures = retry.budget.snapshot()
    assert (figures["calls"], figures["retries"], figures["denied"]) == (1, 2, 0)


@pytest.mark.parametrize(("ratio", "reserve", "period"), [(0, 0, 0.5), (1, 0, 60)])
def test_the_borders_of_what_a_budget_takes(
    clock: ManualClock, ratio: Any, reserve: Any, period: Any
) -> None:
    budget = RetryBudget(ratio, reserve, period, clock=clock)
    next(budget.calls.ticks)
    assert budget.withdraw() is (ratio == 1)
