"""Options: frozen, validated when they are made, with messages that say what is allowed."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from medianest.resilience import (
    BulkheadOptions,
    CircuitBreaker,
    CircuitBreakerOptions,
    ConfigurationError,
    Deadline,
    Pipeline,
    Policy,
    Retry,
    RetryOptions,
    State,
)
from medianest.resilience.options import checked_name

WRONG = [
    (CircuitBreakerOptions, "failure_threshold", (0, -1, 1.5, True, "5", None)),
    (CircuitBreakerOptions, "half_open_max_calls", (0, 2.0)),
    (CircuitBreakerOptions, "minimum_number_of_calls", (0,)),
    (CircuitBreakerOptions, "monitoring_period", (0, -1, math.inf, math.nan, "60", True)),
    (CircuitBreakerOptions, "reset_timeout", (0, None)),
    (CircuitBreakerOptions, "max_reset_timeout", (0,)),
    (CircuitBreakerOptions, "half_open_timeout", (0,)),
    (CircuitBreakerOptions, "slow_call_duration_threshold", (0, -0.1, "1")),
    (CircuitBreakerOptions, "failure_rate_threshold", (-0.1, 1.1, 50)),
    (CircuitBreakerOptions, "slow_call_rate_threshold", (-0.1, 1.1)),
    (CircuitBreakerOptions, "jitter", (-0.1, 1.1, math.nan)),
    (CircuitBreakerOptions, "backoff_factor", (0.99, math.inf)),
    (CircuitBreakerOptions, "counting", ("both", None)),
    (CircuitBreakerOptions, "expected_errors", ("nonsense", 5)),
    (CircuitBreakerOptions, "ignored_errors", (["nonsense"],)),
    (RetryOptions, "max_attempts", (0, 1.5)),
    (RetryOptions, "initial_delay", (-1, math.nan)),
    (RetryOptions, "max_delay", (-1,)),
    (RetryOptions, "factor", (0.5,)),
    (RetryOptions, "retry_on", ("nonsense",)),
    (BulkheadOptions, "max_concurrent", (0, 1.5)),
    (BulkheadOptions, "max_wait", (-1, math.inf)),
]


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [(kind, name, value) for kind, name, values in WRONG for value in values],
)
def test_a_wrong_value_is_an_error_that_names_the_option(
    kind: type[CircuitBreakerOptions] | type[RetryOptions] | type[BulkheadOptions],
    name: str,
    value: Any,
) -> None:
    with pytest.raises(ConfigurationError, match=name):
        kind(**dict[str, Any]({name: value}))


def test_a_wrong_value_is_told_with_what_is_allowed() -> None:
    with pytest.raises(ConfigurationError) as caught:
        CircuitBreakerOptions(failure_threshold=0)
    assert (
        str(caught.value) == "failure_threshold must be a whole number from 1 to 1000000000, not 0"
    )


@pytest.mark.parametrize("kind", [CircuitBreakerOptions, RetryOptions, BulkheadOptions])
def test_options_are_frozen_comparable_and_hashable(
    kind: type[CircuitBreakerOptions] | type[RetryOptions] | type[BulkheadOptions],
) -> None:
    assert kind() == kind()
    assert hash(kind()) == hash(kind())
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(kind(), dataclasses.fields(kind)[0].name, 1)


def test_a_list_of_errors_cannot_be_changed_later() -> None:
    errors: list[type[BaseException] | str | Callable[[BaseException], bool]] = ["timeout"]
    options = CircuitBreakerOptions(expected_errors=errors)
    errors.append("5xx")
    assert options.expected_errors == ("timeout",)


def test_errors_given_by_a_generator_are_kept() -> None:
    options = CircuitBreakerOptions(expected_errors=(t for t in ("timeout", "5xx")))
    assert options.expected_errors == ("timeout", "5xx")


def test_an_unknown_option_is_told_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError) as caught:
        CircuitBreaker("plex", threshold=3)  # type: ignore[call-arg]
    message = str(caught.value)
    assert message.startswith("circuit breaker 'plex': unknown option threshold; allowed are ")
    assert "failure_threshold" in message


def test_a_wrong_option_of_a_breaker_is_told_with_its_name() -> None:
    with pytest.raises(ConfigurationError, match=r"^circuit breaker 'plex': jitter must be"):
        CircuitBreaker("plex", jitter=2)


def test_options_and_keywords_together_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"not both.*jitter"):
        CircuitBreaker("plex", CircuitBreakerOptions(), jitter=0.1)


def test_options_of_another_kind_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="options must be CircuitBreakerOptions"):
        CircuitBreaker("plex", RetryOptions())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "x" * 101, "two\nlines", 5, None, b"plex"])
def test_a_name_that_cannot_stand_in_logs_is_refused(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="circuit breaker name must be 1 to 100 printable"):
        CircuitBreaker(name)


def test_a_usual_name_is_taken_as_it_is() -> None:
    assert checked_name("plex: äöü 1", "breaker") == "plex: äöü 1"
    assert checked_name("x" * 100, "breaker") == "x" * 100


def test_options_describe_themselves_as_json() -> None:
    def predicate(error: BaseException) -> bool:
        return True

    options = CircuitBreakerOptions(expected_errors=[ConnectionError, "5xx", predicate])
    described = json.loads(json.dumps(options.describe()))
    assert described["failure_threshold"] == 5
    assert described["expected_errors"][:2] == ["ConnectionError", "5xx"]
    assert described["expected_errors"][2].endswith("predicate")
    assert described["ignored_errors"] is None


def test_the_defaults_are_those_of_the_mission() -> None:
    options = CircuitBreakerOptions()
    assert (options.failure_threshold, options.monitoring_period) == (5, 60)
    assert (options.reset_timeout, options.half_open_max_calls) == (30, 3)
    assert options.expected_errors is None


def test_a_reset_timeout_above_the_default_cap_is_not_cut_short() -> None:
    assert CircuitBreakerOptions(reset_timeout=600).max_reset_timeout == 600
    assert CircuitBreakerOptions(reset_timeout=60).max_reset_timeout == 300
    assert CircuitBreakerOptions(reset_timeout=60, max_reset_timeout=50).max_reset_timeout == 50


def test_the_same_errors_in_another_form_are_the_same_options() -> None:
    """Keeps out: "exists already with other options", when only a set was ordered otherwise."""
    written = CircuitBreakerOptions(expected_errors={"timeout", "5xx", "ENOTFOUND"})
    assert written == CircuitBreakerOptions(expected_errors={"5xx", "ENOTFOUND", "timeout"})
    assert written.expected_errors == ("5xx", "ENOTFOUND", "timeout")
    types = CircuitBreakerOptions(expected_errors={TimeoutError, ConnectionError, "5xx"})
    assert types.expected_errors == ("5xx", ConnectionError, TimeoutError)
    assert CircuitBreakerOptions(expected_errors="5xx") == CircuitBreakerOptions(
        expected_errors=("5xx",)
    )


@pytest.mark.parametrize("timeout", [True, 1e300, float("nan"), 0, "5"])
def test_a_deadline_takes_only_seconds_that_make_sense(timeout: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be seconds"):
        Deadline(timeout)


def test_a_reason_that_is_no_text_is_refused() -> None:
    """Keeps out: `open(600)`, meant as an expiry, forces it open for ever."""
    breaker = CircuitBreaker("plex")
    with pytest.raises(ConfigurationError, match="reason must be text"):
        breaker.open(600)  # type: ignore[arg-type]
    assert breaker.state is State.CLOSED


def test_a_wait_for_a_place_that_would_count_as_slowness_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="max_wait"):
        Policy(
            circuit_breaker=CircuitBreakerOptions(slow_call_duration_threshold=1),
            bulkhead=BulkheadOptions(max_wait=1),
        )


def test_one_strategy_alone_is_not_taken_for_a_list() -> None:
    with pytest.raises(ConfigurationError, match="takes a list"):
        Pipeline("x", Retry())  # type: ignore[arg-type]
