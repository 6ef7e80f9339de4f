"""When a retry just waits or just does not, and what it says when it gives up."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from blinker import Signal

from medianest.resilience import CircuitOpenError, Deadline, ManualClock, Retry, RetryBudget
from medianest.resilience.events import retry_scheduled
from medianest.resilience.retry import wait_asked


class LaterError(Exception):
    """An error that asks for a wait."""

    def __init__(self, retry_after: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"later: {retry_after}")
        self.retry_after, self.headers = retry_after, headers


class Upstream:
    """Raises the given errors one after the other, and answers whatever else is given."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def __call__(self) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def make_retry(clock: ManualClock) -> Callable[..., Any]:
    return lambda **options: Retry(clock=clock, **{"random": lambda: 1.0, **options})


def test_a_wait_as_long_as_the_longest_is_waited(
    make_retry: Callable[..., Any], clock: ManualClock
) -> None:
    retry = make_retry(max_delay=30, random=lambda: 0.0)
    assert retry.call(Upstream(LaterError(30), "answer")) == "answer"
    assert clock.slept == [30]


def test_those_who_are_asked_to_wait_come_back_a_little_later_than_asked(
    make_retry: Callable[..., Any], clock: ManualClock
) -> None:
    assert make_retry().call(Upstream(LaterError(10), "answer")) == "answer"
    assert clock.slept == [pytest.approx(12)]


def test_a_wait_that_is_no_number_asks_nothing_and_another_may(
    make_retry: Callable[..., Any], clock: ManualClock
) -> None:
    error = LaterError(math.nan, headers={"Retry-After": "10"})
    make_retry(random=lambda: 0.0).call(Upstream(error, "answer"))
    assert clock.slept == [10]


def test_a_wait_that_takes_all_the_time_that_is_left_is_not_waited(
    make_retry: Callable[..., Any], clock: ManualClock
) -> None:
    error = ConnectionError("down")
    with pytest.raises(ConnectionError), Deadline(5, clock=clock).scope():
        make_retry(name="plex", initial_delay=5).call(Upstream(error))
    assert clock.slept == []
    assert error.__notes__ == ["retry 'plex': gave up after 1 attempt: the deadline comes first"]


def test_its_own_budget_fills_up_with_its_own_clock(
    make_retry: Callable[..., Any], clock: ManualClock
) -> None:
    retry = make_retry(max_attempts=2, initial_delay=0)
    for _ in range(20):
        with pytest.raises(ConnectionError):
            retry.call(Upstream(*[ConnectionError()] * 2))
    assert retry.budget.snapshot()["left"] == 0
    clock.advance(60)
    assert retry.budget.snapshot()["left"] == 10


def test_another_error_after_a_retry_is_told_with_its_attempts(
    make_retry: Callable[..., Any],
) -> None:
    error = ValueError("wrong")
    with pytest.raises(ValueError, match="wrong") as caught:
        make_retry(name="plex", retry_on=ConnectionError).call(Upstream(ConnectionError(), error))
    assert vars(caught.value)["attempts"] == 2
    assert error.__notes__ == [
        "retry 'plex': gave up after 2 attempts: this error is not worth another"
    ]
    assert error.__cause__ is None


def test_a_failed_result_says_to_listeners_that_the_next_attempt_was_refused(
    make_retry: Callable[..., Any], heard: Callable[[Signal], list[Any]]
) -> None:
    """The caller gets the result: it says more than the refusal."""
    scheduled = heard(retry_scheduled)
    retry = make_retry(name="plex", failure_if=lambda result: result == 503)
    assert retry.call(Upstream(503, 503, CircuitOpenError("plex", 30))) == 503
    last = scheduled[-1].error
    assert last.attempts == 2
    assert last.__notes__ == [
        "retry 'plex': gave up after 2 attempts: the next one was refused: "
        f"{CircuitOpenError('plex', 30)}"
    ]


@pytest.mark.parametrize("option", ["retry_on", "failure_if"])
def test_a_failing_predicate_is_told_with_the_retry_it_belongs_to(
    make_retry: Callable[..., Any], caplog: pytest.LogCaptureFixture, option: Any
) -> None:
    retry = make_retry(name="plex", **{option: lambda given: 1 / 0})
    answer = ConnectionError() if option == "retry_on" else "answer"
    try:
        assert retry.call(Upstream(answer)) == "answer"
    except ConnectionError:
        pass
    owner = "retry_on of 'plex'" if option == "retry_on" else "failure_if of retry 'plex'"
    assert caplog.messages == [f"{owner} failed"]


@pytest.mark.parametrize(
    ("header", "seconds"), [("3", 3), (2.5, 2.5), ("0", None), (None, None), ("soon", None)]
)
def test_the_wait_that_a_header_asks_for(clock: ManualClock, header: Any, seconds: Any) -> None:
    assert wait_asked(header, clock) == seconds


def test_the_wait_until_a_date_counts_from_now(clock: ManualClock) -> None:
    assert wait_asked("Thu, 01 Jan 2026 00:01:00 GMT", clock) == 60


def test_a_shared_budget_is_the_one_that_is_asked(
    make_retry: Callable[..., Any], clock: ManualClock
) -> None:
    budget = RetryBudget(0, 1, clock=clock)
    make_retry(budget=budget).call(Upstream(ConnectionError(), "answer"))
    assert budget.snapshot() == {"calls": 1, "retries": 1, "denied": 0, "left": 0}


def test_a_reason_that_cannot_be_told_holds_nothing_back(
    make_retry: Callable[..., Any], clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    budget = RetryBudget(clock=clock, suspended=lambda: str(1 / 0))
    assert make_retry(budget=budget).call(Upstream(ConnectionError(), "answer")) == "answer"
    assert caplog.messages == ["suspended of a retry budget failed"]
