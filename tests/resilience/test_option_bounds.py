"""The least and the most that each option takes, and what is said of the next value beyond."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from medianest.resilience import (
    BulkheadOptions,
    CircuitBreakerOptions,
    Coalesce,
    ConfigurationError,
    Deadline,
    ErrorRecoveryManager,
    MemoryLastGood,
    Patience,
    Policy,
    RetryOptions,
)
from medianest.resilience.options import MAX_SECONDS, as_options, configure

TEN_YEARS = 315_360_000.0

WHOLE = "a whole number from 1 to 1000000000"
SECONDS = "a number of seconds above 0, at most 3.1536e+08"
AT_LEAST = "a number from {} to 3.1536e+08"
SHARE = "a number from 0 to 1"

BOUNDS: list[tuple[Any, str, str, tuple[Any, ...], tuple[Any, ...]]] = [
    (CircuitBreakerOptions, "failure_threshold", WHOLE, (1, 10**9), (0, 10**9 + 1)),
    (CircuitBreakerOptions, "half_open_max_calls", WHOLE, (1, 10**9), (0, 10**9 + 1)),
    (CircuitBreakerOptions, "minimum_number_of_calls", WHOLE, (1, 10**9), (0, 10**9 + 1)),
    (
        CircuitBreakerOptions,
        "monitoring_period",
        AT_LEAST.format("0.001"),
        (0.001, TEN_YEARS),
        (0.0009, TEN_YEARS + 1),
    ),
    (CircuitBreakerOptions, "reset_timeout", SECONDS, (0.1, TEN_YEARS), (0, TEN_YEARS + 1)),
    (CircuitBreakerOptions, "max_reset_timeout", SECONDS, (0.1, TEN_YEARS), (0, TEN_YEARS + 1)),
    (CircuitBreakerOptions, "half_open_timeout", SECONDS, (1, TEN_YEARS), (0, TEN_YEARS + 1)),
    (CircuitBreakerOptions, "slow_call_duration_threshold", SECONDS, (0.1, TEN_YEARS), (0,)),
    (CircuitBreakerOptions, "failure_rate_threshold", SHARE, (0, 1, 0.5), (-0.01, 1.01)),
    (CircuitBreakerOptions, "slow_call_rate_threshold", SHARE, (0, 1), (-0.01, 1.01)),
    (CircuitBreakerOptions, "jitter", SHARE, (0, 1), (-0.01, 1.01)),
    (CircuitBreakerOptions, "backoff_factor", AT_LEAST.format("1"), (1, TEN_YEARS), (0.99,)),
    (CircuitBreakerOptions, "counting", '"window" or "consecutive"', ("consecutive",), ("both",)),
    (RetryOptions, "max_attempts", WHOLE, (1, 10**9), (0, 10**9 + 1)),
    (RetryOptions, "initial_delay", AT_LEAST.format("0"), (0, TEN_YEARS), (-0.1,)),
    (RetryOptions, "max_delay", AT_LEAST.format("0"), (0, TEN_YEARS), (-0.1,)),
    (RetryOptions, "factor", AT_LEAST.format("1"), (1, TEN_YEARS), (0.99,)),
    (
        BulkheadOptions,
        "max_concurrent",
        "a whole number from 1 to 100000",
        (1, 100_000),
        (0, 100_001),
    ),
    (BulkheadOptions, "max_wait", AT_LEAST.format("0"), (0, TEN_YEARS), (-0.1,)),
    (BulkheadOptions, "max_waiting", WHOLE, (1, None), (0, 1.5)),
    (BulkheadOptions, "scope", '"process" or "host"', ("process", "host"), ("cluster", None)),
]


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [(kind, name, value) for kind, name, _, taken, _ in BOUNDS for value in taken],
)
def test_a_value_within_its_bounds_is_taken(kind: Any, name: str, value: Any) -> None:
    assert getattr(kind(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("kind", "name", "allowed", "value"),
    [
        (kind, name, allowed, value)
        for kind, name, allowed, _, refused in BOUNDS
        for value in refused
    ],
)
def test_a_value_beyond_is_told_with_what_is_allowed(
    kind: Any, name: str, allowed: str, value: Any
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        kind(**{name: value})
    assert str(caught.value) == f"{name} must be {allowed}, not {value!r}"


def described(make: Callable[[], Any]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        make()
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "given", "takes_number", "message"),
    [
        (RetryOptions, "3", True, "RetryOptions, a whole number (max_attempts), a dict of its"),
        (RetryOptions, 0, True, "RetryOptions, a whole number (max_attempts), a dict of its"),
        (BulkheadOptions, True, True, "BulkheadOptions, a whole number (max_concurrent), a dict"),
        (CircuitBreakerOptions, 3, False, "CircuitBreakerOptions, a dict of its fields or None"),
    ],
)
def test_options_of_a_wrong_form_are_told_with_the_forms(
    kind: Any, given: Any, takes_number: bool, message: str
) -> None:
    told = described(lambda: as_options(kind, given, "part", takes_number=takes_number))
    assert told.startswith(f"part must be {message}")
    assert told.endswith(f"fields or None, not {given!r}")


def test_options_are_taken_in_each_of_their_forms() -> None:
    made = RetryOptions(max_attempts=7)
    for given in (made, {"max_attempts": 7}, 7):
        assert as_options(RetryOptions, given, "retry") == made
    assert as_options(RetryOptions, 1, "retry") == RetryOptions(max_attempts=1)
    assert as_options(RetryOptions, None, "retry") is None


def test_wrong_options_of_an_owner_are_told_with_its_name() -> None:
    def told(options: Any, keywords: dict[str, Any], *others: str) -> str:
        return described(lambda: configure(BulkheadOptions, options, keywords, "box", *others))

    known = "max_concurrent, max_wait, max_waiting, scope"
    assert told(5, {}) == "box: options must be BulkheadOptions, not 5"
    assert told(BulkheadOptions(), {"max_wait": 1, "max_waiting": 2}) == (
        "box: give either options or keywords, not both (keywords: max_wait, max_waiting)"
    )
    assert told(None, {"wait": 1}) == f"box: unknown option wait; allowed are {known}"
    assert told(None, {"wait": 1, "most": 2}) == (
        f"box: unknown option wait, most; allowed are {known}"
    )
    assert (
        told(None, {"wait": 1}, "clock") == f"box: unknown option wait; allowed are {known}, clock"
    )
    assert told(None, {"max_wait": -1}) == (
        "box: max_wait must be a number from 0 to 3.1536e+08, not -1"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: RetryOptions(failure_if=5),  # type: ignore[arg-type]
            "failure_if must be a function (result) -> bool, not 5",
        ),
        (
            lambda: ErrorRecoveryManager(ambient=5),  # type: ignore[arg-type]
            "ambient must be a function () -> dict, not 5",
        ),
        (
            lambda: ErrorRecoveryManager(suspended=5),  # type: ignore[arg-type]
            "suspended must be a function (action) -> reason or None, not 5",
        ),
        (
            lambda: Policy(
                circuit_breaker=CircuitBreakerOptions(slow_call_duration_threshold=1),
                bulkhead=BulkheadOptions(max_wait=2),
            ),
            "max_wait (2) must be less than slow_call_duration_threshold (1): waiting for a place "
            "would count as the dependency's slowness",
        ),
    ],
)
def test_what_is_no_function_or_fits_no_other_option_is_refused(make: Any, message: str) -> None:
    assert described(make) == message


def test_a_predicate_without_a_name_is_described_by_its_text() -> None:
    class Predicate:
        def __call__(self, error: BaseException) -> bool:
            return True

        def __repr__(self) -> str:
            return "<whatever>"

    described = CircuitBreakerOptions(expected_errors=[Predicate()]).describe()
    assert described["expected_errors"] == ["<whatever>"]


LONGEST = [
    lambda seconds: Deadline(seconds),
    lambda seconds: Coalesce(timeout=seconds),
    lambda seconds: Patience(seconds, last_good=MemoryLastGood(60)),
    lambda seconds: RetryOptions(max_delay=seconds),
    lambda seconds: CircuitBreakerOptions(reset_timeout=seconds, max_reset_timeout=seconds),
]


@pytest.mark.parametrize("make", LONGEST)
def test_ten_years_are_allowed_and_no_second_more(make: Any) -> None:
    make(MAX_SECONDS)
    with pytest.raises(ConfigurationError):
        make(MAX_SECONDS + 1)
