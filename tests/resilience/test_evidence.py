"""When what several processes have seen opens a breaker."""

import math
from typing import Any

import pytest

from medianest.resilience import CircuitBreakerOptions
from medianest.resilience.circuit_breaker.evidence import Evidence, joint_verdict

ROW = CircuitBreakerOptions(failure_threshold=3, counting="consecutive")
SHARE = CircuitBreakerOptions(failure_threshold=3, failure_rate_threshold=0.5)


def failed(*at: float, good_by: float = -math.inf) -> Evidence:
    return Evidence(failed_at=at, good_by=good_by)


def counts(failures: int, successes: int, slow: int = 0, overdue: int = 0) -> Evidence:
    return Evidence(failures=failures, successes=successes, slow=slow, overdue=overdue)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ([failed(1, 2), failed(3)], "3 failures in a row, seen by 2 workers"),
        ([failed(1), failed(2), failed(3)], "3 failures in a row, seen by 3 workers"),
        ([failed(1, 2, 3), failed()], None),  # one alone
        ([failed(1, 2), failed()], None),
        ([failed(1, 2), failed(3, good_by=2)], None),  # a success of another came between
        ([failed(1, 2, 3), failed(3.5, good_by=2.5)], None),
        ([failed(3, 4), failed(5, good_by=2)], "3 failures in a row, seen by 2 workers"),
        ([], None),
    ],
)
def test_failures_in_a_row_are_those_since_the_last_success_anywhere(
    seen: list[Evidence], reason: str | None
) -> None:
    assert joint_verdict(ROW, seen) == reason


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ([(1.0, 2.0), (3.0,)], "3 slow calls in a row, seen by 2 workers"),
        ([(1.0, 2.0, 3.0), ()], None),
        ([(1.0,), (2.0,)], None),
    ],
)
def test_slow_calls_in_a_row_are_those_since_the_last_quick_one(
    seen: list[tuple[float, ...]], reason: str | None
) -> None:
    assert joint_verdict(ROW, [Evidence(slow_at=each) for each in seen]) == reason
    quick = [Evidence(slow_at=each, quick_by=9.0) for each in seen]
    assert joint_verdict(ROW, quick) is None


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ([counts(2, 1), counts(1, 1)], "3 of 5 calls failed, seen by 2 workers"),
        ([counts(1, 1), counts(1, 1)], None),  # too few
        ([counts(2, 3), counts(1, 3)], None),  # too small a share
        ([counts(100, 0), counts(1, 60)], None),  # without the worst all is well
        ([counts(3, 0), counts(0, 0)], None),  # one alone
    ],
)
def test_a_share_must_be_too_high_also_without_the_worst(
    seen: list[Evidence], reason: str | None
) -> None:
    assert joint_verdict(SHARE, seen) == reason


def test_calls_that_hang_are_slow_ones() -> None:
    options = CircuitBreakerOptions(failure_threshold=3, slow_call_duration_threshold=1.0)
    seen = [counts(0, 0, overdue=2), counts(0, 1, slow=1)]
    assert joint_verdict(options, seen) == "3 of 3 calls were slow, seen by 2 workers"


@pytest.mark.parametrize("number", [3, 4])
def test_no_share_is_judged_over_fewer_calls_than_the_options_say(number: int) -> None:
    options = CircuitBreakerOptions(failure_threshold=1, minimum_number_of_calls=4)
    seen: list[Any] = [counts(1, 0)] * number
    assert (joint_verdict(options, seen) is None) == (number < 4)
