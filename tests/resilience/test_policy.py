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
    Fallback,
    ManualClock,
    Pipeline,
    Policy,
    Registry,
    Retry,
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
