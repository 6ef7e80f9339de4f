"""Retry: when a failed call is made again, after what wait, and how it gives up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from blinker import Signal

from medianest.resilience import (
    CircuitOpenError,
    ConfigurationError,
    Deadline,
    ManualClock,
    Retry,
    RetryBudget,
)
from medianest.resilience.events import budget_exhausted, recovered, retry_scheduled
from tests.resilience.retrying import AnswerError, Upstream, always


def test_a_call_that_succeeds_is_made_once(
    make_retry: Callable[..., Retry], clock: ManualClock
) -> None:
    upstream = Upstream()
    assert make_retry().call(upstream) == "answer"
    assert (upstream.calls, clock.slept) == (1, [])


def test_a_call_that_fails_is_made_again_until_it_succeeds(
    make_retry: Callable[..., Retry],
) -> None:
    upstream = Upstream(ConnectionError(), ConnectionError())
    assert make_retry(max_attempts=3).call(upstream) == "answer"
    assert upstream.calls == 3


def test_arguments_are_passed_again(make_retry: Callable[..., Retry]) -> None:
    seen = []

    def call(*args: int, **kwargs: Any) -> None:
        seen.append((args, kwargs))
        if len(seen) < 2:
            raise ConnectionError
        return

    make_retry().call(call, 1, two=2)
    assert seen == [((1,), {"two": 2})] * 2


def test_the_last_error_is_raised_as_it_is_with_attempts_and_a_note(
    make_retry: Callable[..., Retry],
) -> None:
    last = ConnectionError("the last")
    with pytest.raises(ConnectionError) as caught:
        make_retry(max_attempts=2, name="plex").call(Upstream(ConnectionError("first"), last))
    assert caught.value is last
    assert vars(last)["attempts"] == 2
    assert last.__notes__ == ["retry 'plex': gave up after 2 attempts: no attempts left"]
    assert (last.__cause__, last.__context__) == (None, None)


def test_the_notes_of_an_error_are_kept_and_ours_is_not_repeated(
    make_retry: Callable[..., Retry],
) -> None:
    error = ConnectionError()
    error.add_note("its own")
    for _ in range(3):
        with pytest.raises(ConnectionError):
            make_retry(max_attempts=2).call(always(error))
    assert len(error.__notes__) == 2
    assert error.__notes__[0] == "its own"


def test_an_error_that_cannot_be_changed_still_reaches_the_caller(
    make_retry: Callable[..., Retry],
) -> None:
    @dataclass(frozen=True)
    class FrozenError(Exception):
        code: str

    with pytest.raises(FrozenError):
        make_retry(max_attempts=2).call(always(FrozenError("x")))


def test_with_one_attempt_nothing_is_retried_or_noted(make_retry: Callable[..., Retry]) -> None:
    upstream = always(ConnectionError())
    with pytest.raises(ConnectionError) as caught:
        make_retry(max_attempts=1).call(upstream)
    assert upstream.calls == 1
    assert not hasattr(caught.value, "attempts")


def test_the_waits_grow_exponentially_up_to_the_cap(
    make_retry: Callable[..., Retry], clock: ManualClock
) -> None:
    retry = make_retry(max_attempts=7, initial_delay=1, factor=2, max_delay=10)
    with pytest.raises(ConnectionError):
        retry.call(always(ConnectionError()))
    assert clock.slept == [1, 2, 4, 8, 10, 10]


@pytest.mark.parametrize("drawn", [0.25, 0.5])
def test_the_jitter_is_full_and_drawn_below_the_cap(
    make_retry: Callable[..., Retry], clock: ManualClock, drawn: float
) -> None:
    retry = make_retry(max_attempts=6, max_delay=4, random=lambda: drawn)
    with pytest.raises(ConnectionError):
        retry.call(always(ConnectionError()))
    assert clock.slept == [drawn * bound for bound in (1, 2, 4, 4, 4)]


def test_without_a_delay_it_does_not_sleep(
    make_retry: Callable[..., Retry], clock: ManualClock
) -> None:
    assert make_retry(initial_delay=0).call(Upstream(ConnectionError())) == "answer"
    assert clock.slept == []


def test_thousands_of_attempts_do_not_overflow_the_wait(
    make_retry: Callable[..., Retry], clock: ManualClock
) -> None:
    budget = RetryBudget(reserve=5_000, clock=clock)
    retry = make_retry(max_attempts=1_200, factor=10, max_delay=2, budget=budget)
    with pytest.raises(ConnectionError):
        retry.call(Upstream(*[ConnectionError()] * 1_200))
    assert clock.slept[-1] == 2


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 499])
def test_an_answer_that_says_never_is_not_retried(
    make_retry: Callable[..., Retry], status: int
) -> None:
    upstream = always(AnswerError(status))
    with pytest.raises(AnswerError):
        make_retry().call(upstream)
    assert upstream.calls == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_an_answer_that_says_later_is_retried(
    make_retry: Callable[..., Retry], status: int
) -> None:
    assert make_retry().call(Upstream(AnswerError(status))) == "answer"


@pytest.mark.parametrize("error", [CircuitOpenError("x", 1.0), ConfigurationError("x")])
def test_a_refusal_is_not_retried(
    make_retry: Callable[..., Retry], error: CircuitOpenError | ConfigurationError
) -> None:
    upstream = always(error)
    with pytest.raises(type(error)):
        make_retry(retry_on=Exception).call(upstream)
    assert upstream.calls == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interrupt_is_not_retried_and_costs_no_budget(
    make_retry: Callable[..., Retry],
    error: type[SystemExit] | type[GeneratorExit] | type[KeyboardInterrupt],
) -> None:
    retry, upstream = make_retry(), always(error())
    with pytest.raises(error):
        retry.call(upstream)
    assert upstream.calls == 1
    assert retry.budget.snapshot()["retries"] == 0


def test_only_what_is_wanted_is_retried(make_retry: Callable[..., Retry]) -> None:
    retry = make_retry(retry_on=["timeout", KeyError])
    for error, calls in ((TimeoutError(), 3), (KeyError(), 3), (ValueError(), 1)):
        upstream = always(error)
        with pytest.raises(type(error)):
            retry.call(upstream)
        assert upstream.calls == calls


def test_an_error_not_worth_retrying_ends_the_retries(make_retry: Callable[..., Retry]) -> None:
    upstream = Upstream(ConnectionError(), AnswerError(404))
    with pytest.raises(AnswerError):
        make_retry(max_attempts=5).call(upstream)
    assert upstream.calls == 2


def test_it_never_sleeps_past_the_deadline(
    make_retry: Callable[..., Retry], clock: ManualClock
) -> None:
    upstream = always(ConnectionError())
    with Deadline(4, clock=clock).scope(), pytest.raises(ConnectionError) as caught:
        make_retry(max_attempts=10, initial_delay=1).call(upstream)
    assert clock.slept == [1, 2]  # and not 4, with one second left
    assert vars(caught.value)["attempts"] == 3
    assert "the deadline comes first" in caught.value.__notes__[0]


def test_a_retry_that_the_deadline_forbids_costs_no_budget(
    make_retry: Callable[..., Retry], clock: ManualClock
) -> None:
    retry = make_retry()
    with Deadline(0.5, clock=clock).scope(), pytest.raises(ConnectionError):
        retry.call(always(ConnectionError()))
    assert retry.budget.snapshot()["retries"] == 0


def test_a_spent_budget_ends_the_retries(
    make_retry: Callable[..., Retry], clock: ManualClock, heard: Callable[[Signal], list[Any]]
) -> None:
    exhausted, error = heard(budget_exhausted), ConnectionError()
    budget = RetryBudget(ratio=0, reserve=3, clock=clock)
    retry = make_retry(budget=budget, max_attempts=3, initial_delay=0, name="plex")
    upstream = always(error)
    for _ in range(10):
        with pytest.raises(ConnectionError):
            retry.call(upstream)
    assert upstream.calls == 10 + 3
    assert "the retry budget is spent" in error.__notes__[0]
    assert len(exhausted) == 9
    assert (exhausted[0].name, exhausted[0].attempt, exhausted[0].error) == ("plex", 2, error)


def test_retries_that_share_a_budget_spend_it_together(
    make_retry: Callable[..., Retry], clock: ManualClock
) -> None:
    budget = RetryBudget(ratio=0, reserve=3, clock=clock)
    first, second = (make_retry(budget=budget, initial_delay=0) for _ in range(2))
    for retry in (first, second):
        with pytest.raises(ConnectionError):
            retry.call(always(ConnectionError()))
    assert budget.snapshot()["retries"] == 3


def test_retries_and_the_recovery_are_events(
    make_retry: Callable[..., Retry], heard: Callable[[Signal], list[Any]]
) -> None:
    scheduled, well = heard(retry_scheduled), heard(recovered)
    errors = [ConnectionError(), ConnectionError()]
    make_retry(name="plex").call(Upstream(*errors))
    assert [(e.name, e.attempt, e.delay, e.error) for e in scheduled] == [
        ("plex", 1, 1.0, errors[0]),
        ("plex", 2, 2.0, errors[1]),
    ]
    assert [(e.name, e.attempts) for e in well] == [("plex", 3)]
