"""Policies: frozen configuration that builds a pipeline."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from medianest.resilience import (
    Bulkhead,
    BulkheadOptions,
    CircuitBreaker,
    CircuitBreakerOptions,
    ConfigurationError,
    ErrorRecoveryManager,
    Fallback,
    ManualClock,
    Pipeline,
    Policy,
    Recovery,
    Registry,
    Retry,
    RetryBudget,
    RetryOptions,
)
from tests.support.narrowing import not_none


@pytest.fixture
def registry(clock: ManualClock) -> Registry:
    return Registry(clock=clock)


def kinds(pipeline: Pipeline) -> list[str]:
    return [type(strategy).__name__ for strategy in pipeline.strategies]


def test_the_order_is_fallback_retry_breaker_bulkhead_deadline(registry: Registry) -> None:
    pipeline = Policy(timeout=5).build("plex", registry, Fallback(value=None))
    assert kinds(pipeline) == ["Fallback", "Retry", "CircuitBreaker", "Bulkhead", "Deadline"]


def test_a_part_that_is_none_is_left_out(registry: Registry) -> None:
    assert kinds(Policy().build("a", registry)) == ["Retry", "CircuitBreaker", "Bulkhead"]
    assert kinds(Policy(retry=None).build("b", registry)) == ["CircuitBreaker", "Bulkhead"]
    assert kinds(Policy(None, None, None).build("c", registry)) == []


def test_breaker_bulkhead_and_budget_are_the_registrys(registry: Registry) -> None:
    pipeline = Policy().build("plex", registry)
    assert pipeline.find(CircuitBreaker) is registry.breaker("plex")
    assert pipeline.find(Bulkhead) is registry.bulkhead("plex")
    assert not_none(pipeline.find(Retry)).budget is registry.budget("plex")


def test_options_reach_the_parts(registry: Registry) -> None:
    policy = Policy(
        circuit_breaker=CircuitBreakerOptions(failure_threshold=2),
        retry=RetryOptions(max_attempts=7),
        bulkhead=BulkheadOptions(max_concurrent=4),
    )
    pipeline = policy.build("plex", registry)
    assert not_none(pipeline.find(CircuitBreaker)).options.failure_threshold == 2
    assert not_none(pipeline.find(Retry)).options.max_attempts == 7
    assert not_none(pipeline.find(Bulkhead)).options.max_concurrent == 4


def test_expected_errors_are_the_default_of_breaker_and_retry() -> None:
    policy = Policy(expected_errors=["timeout", "5xx"])
    assert not_none(policy.circuit_breaker).expected_errors == ("timeout", "5xx")
    assert not_none(policy.retry).retry_on == ("timeout", "5xx")


def test_expected_errors_do_not_replace_what_a_part_says_itself() -> None:
    policy = Policy(
        circuit_breaker=CircuitBreakerOptions(expected_errors="5xx"),
        retry=RetryOptions(retry_on="timeout"),
        expected_errors=KeyError,
    )
    assert not_none(policy.circuit_breaker).expected_errors == ("5xx",)
    assert not_none(policy.retry).retry_on == ("timeout",)


def test_expected_errors_given_by_a_generator_reach_both_parts() -> None:
    policy = Policy(expected_errors=(token for token in ("timeout", "5xx")))
    assert not_none(policy.circuit_breaker).expected_errors == ("timeout", "5xx")
    assert not_none(policy.retry).retry_on == ("timeout", "5xx")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("circuit_breaker", RetryOptions()),
        ("circuit_breaker", 3),
        ("circuit_breaker", {"failure_treshold": 3}),
        ("retry", 0),
        ("retry", "3"),
        ("retry", {"max_attempts": 0}),
        ("bulkhead", True),
        ("budget", 5),
        ("bulkhead", "ten"),
        ("timeout", 0),
        ("timeout", math.inf),
        ("timeout", math.nan),
        ("timeout", "5"),
        ("expected_errors", "nonsense"),
    ],
)
def test_a_wrong_part_is_an_error_that_names_it(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Policy(**{name: value})


def test_a_policy_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Policy().timeout = 5  # type: ignore[misc]


def test_policies_with_the_same_options_are_equal() -> None:
    assert Policy(timeout=5) == Policy(timeout=5)
    assert Policy(timeout=5) != Policy(timeout=6)


def fails(result: object) -> bool:
    return result == "bad"


def others(result: object) -> bool:
    return result == "worse"


def test_what_is_a_failure_is_the_default_of_breaker_and_retry() -> None:
    policy = Policy(failure_if=fails)
    assert not_none(policy.circuit_breaker).failure_if is fails
    assert not_none(policy.retry).failure_if is fails
    own = Policy({"failure_if": others}, {"failure_if": others}, failure_if=fails)
    assert not_none(own.circuit_breaker).failure_if is others
    assert not_none(own.retry).failure_if is others
    none = Policy(None, None, failure_if=fails, expected_errors="5xx")
    assert (none.circuit_breaker, none.retry) == (None, None)


def test_retries_are_paid_for_as_the_policy_says(registry: Registry) -> None:
    own = RetryBudget()
    paid = not_none(Policy(budget=own).build("a", registry).find(Retry)).budget
    unpaid = not_none(Policy(budget=None).build("b", registry).find(Retry)).budget
    assert paid is own
    assert unpaid is not registry.budget("b")
    assert all(unpaid.withdraw() for _ in range(1_000))


def test_recovery_comes_between_fallback_and_retry(registry: Registry) -> None:
    manager = ErrorRecoveryManager(clock=registry.clock)
    pipeline = Policy(timeout=5).build("plex", registry, Fallback(value=None), manager)
    assert kinds(pipeline)[:3] == ["Fallback", "Recovery", "Retry"]
    assert not_none(pipeline.find(Recovery)).service == "plex"


@pytest.mark.parametrize(
    ("part", "given", "message"),
    [
        ("circuit_breaker", 3, "circuit_breaker must be CircuitBreakerOptions, a dict of its"),
        ("retry", "3", "retry must be RetryOptions, a whole number (max_attempts), a dict of its"),
        ("bulkhead", "3", "bulkhead must be BulkheadOptions, a whole number (max_concurrent), a"),
        ("timeout", 0, "timeout must be a number of seconds above 0, at most 3.1536e+08, not 0"),
        ("expected_errors", "nonsense", "expected_errors: 'nonsense' is "),
        ("failure_if", 5, "failure_if must be a function (result) -> bool, not 5"),
        ("budget", 5, "policy: budget must be "),
        ("circuit_breaker", {"jitter": 2}, "circuit_breaker: jitter must be a number from 0 to 1"),
    ],
)
def test_a_wrong_part_is_told_with_what_it_may_be(part: str, given: Any, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Policy(**{part: given})
    assert str(caught.value).startswith(message)


def test_waiting_for_a_place_may_take_less_than_what_is_slow() -> None:
    slow = CircuitBreakerOptions(slow_call_duration_threshold=1)
    assert not_none(Policy(slow, bulkhead=BulkheadOptions(max_wait=0.9)).bulkhead).max_wait == 0.9
    assert Policy(slow, bulkhead=None).bulkhead is None
    assert not_none(Policy(None, bulkhead=BulkheadOptions(max_wait=9)).bulkhead).max_wait == 9


def test_errors_that_no_part_looks_at_are_checked_as_well() -> None:
    with pytest.raises(ConfigurationError, match="expected_errors: 'nonsense'"):
        Policy(None, None, expected_errors="nonsense")
