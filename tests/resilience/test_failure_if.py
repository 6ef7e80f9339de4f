"""A result as failure: what `failure_if` says of a result counts, and the caller gets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from blinker import Signal

from medianest.resilience import (
    CircuitBreaker,
    CircuitOpenError,
    ConfigurationError,
    FailedResultError,
    Fallback,
    ManualClock,
    Pipeline,
    Policy,
    ResilienceService,
    Retry,
    RetryOptions,
    State,
)
from medianest.resilience.events import retry_scheduled
from tests.resilience.conftest import MakeBreaker
from tests.support.narrowing import not_none


@dataclass
class Answer:
    status_code: int
    headers: dict[str, str] = field(default_factory=dict)


AWAY, WELL = Answer(503), Answer(200)


def is_away(answer: Answer) -> bool:
    return answer.status_code >= 500


class Upstream:
    """Answers one after the other, the last for ever."""

    def __init__(self, *answers: Answer | ConnectionError) -> None:
        self.answers, self.calls = list(answers), 0

    def __call__(self) -> ConnectionError | Answer:
        self.calls += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_a_returned_503_counts_as_failure_and_is_returned(make_breaker: MakeBreaker) -> None:
    breaker = make_breaker(failure_threshold=2, failure_if=is_away)
    get = breaker(Upstream(AWAY))
    assert [get(), get()] == [AWAY, AWAY]
    assert breaker.state is State.OPEN
    with pytest.raises(CircuitOpenError):
        get()
    seen = breaker.snapshot()
    assert (seen.totals.failures, seen.totals.successes) == (2, 0)
    assert (not_none(seen.last_failure).type, not_none(seen.last_failure).message) == (
        "FailedResultError",
        "returned 503",
    )


def test_it_counts_whatever_errors_are_expected(make_breaker: MakeBreaker) -> None:
    breaker = make_breaker(
        failure_threshold=1, failure_if=is_away, expected_errors="timeout", ignored_errors="5xx"
    )
    assert breaker.call(Upstream(AWAY)) is AWAY
    assert breaker.state is State.OPEN


def test_a_good_result_is_a_success_and_closes(
    make_breaker: MakeBreaker, clock: ManualClock
) -> None:
    breaker = make_breaker(failure_threshold=1, half_open_max_calls=1, failure_if=is_away)
    get = breaker(Upstream(AWAY, AWAY, WELL))
    get()
    clock.advance(30)
    assert get() is AWAY
    assert breaker.state is State.OPEN
    clock.advance(60)
    assert get() is WELL
    assert breaker.state is State.CLOSED


def test_a_returned_503_is_retried_and_the_last_one_is_returned(clock: ManualClock) -> None:
    upstream = Upstream(AWAY)
    assert Retry(failure_if=is_away, clock=clock).call(upstream) is AWAY
    assert upstream.calls == 3


def test_a_retry_ends_with_the_first_good_result(
    clock: ManualClock, heard: Callable[[Signal], list[Any]]
) -> None:
    scheduled = heard(retry_scheduled)
    upstream = Upstream(AWAY, WELL)
    assert Retry(failure_if=is_away, clock=clock).call(upstream) is WELL
    assert upstream.calls == 2
    assert type(scheduled[0].error) is FailedResultError
    assert scheduled[0].error.result is AWAY


def test_a_retry_waits_as_long_as_a_returned_answer_asks(clock: ManualClock) -> None:
    busy = Answer(503, {"Retry-After": "20"})
    Retry(failure_if=is_away, clock=clock, random=lambda: 0.0).call(Upstream(busy, WELL))
    assert clock.slept == [20]


def test_errors_are_retried_beside_results(clock: ManualClock) -> None:
    upstream = Upstream(AWAY, ConnectionError(), WELL)

    def call() -> Answer:
        answer = upstream()
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert Retry(failure_if=is_away, clock=clock).call(call) is WELL


def test_retries_do_not_multiply_over_results(clock: ManualClock) -> None:
    upstream = Upstream(AWAY)
    inner, outer = (Retry(failure_if=is_away, initial_delay=0, clock=clock) for _ in range(2))
    assert outer.call(inner.call, upstream) is AWAY
    assert upstream.calls == 3


def test_breaker_and_retry_judge_a_result_each_for_itself(
    make_breaker: MakeBreaker, clock: ManualClock
) -> None:
    breaker = make_breaker(failure_threshold=10, failure_if=is_away)
    retry = Retry(failure_if=is_away, clock=clock)
    upstream = Upstream(AWAY)
    assert Pipeline("x", [retry, breaker]).call(upstream) is AWAY
    assert (upstream.calls, breaker.snapshot().totals.failures) == (3, 3)


@pytest.mark.parametrize("threshold", [1, 2])
def test_whoever_opened_the_breaker_gets_the_result_and_the_next_the_refusal(
    make_breaker: MakeBreaker, clock: ManualClock, threshold: int
) -> None:
    """Keeps out: the refusal of a further attempt in the place of an answer that was there."""
    breaker = make_breaker(failure_threshold=threshold, failure_if=is_away)
    fallback = Fallback(value="never this")
    upstream = Upstream(AWAY)
    retry = Retry(failure_if=is_away, clock=clock)
    assert Pipeline("x", [fallback, retry, breaker]).call(upstream) is AWAY
    assert (upstream.calls, breaker.state) == (threshold, State.OPEN)
    with pytest.raises(CircuitOpenError):
        Pipeline("x", [retry, breaker]).call(upstream)


def test_a_refusal_after_an_error_is_told_with_it(
    make_breaker: MakeBreaker, clock: ManualClock
) -> None:
    breaker = make_breaker(failure_threshold=2, failure_if=is_away)
    answers = Upstream(AWAY, WELL)

    def call() -> Answer:
        if answers() is WELL:
            raise ConnectionError
        return AWAY

    with pytest.raises(CircuitOpenError) as caught:
        Pipeline("x", [Retry(failure_if=is_away, clock=clock), breaker]).call(call)
    assert type(caught.value.__cause__) is ConnectionError


def test_a_predicate_with_a_bug_leaves_the_result(
    make_breaker: MakeBreaker, caplog: pytest.LogCaptureFixture
) -> None:
    breaker = make_breaker(failure_if=lambda answer: answer.no_such_thing)
    assert breaker.call(Upstream(AWAY)) is AWAY
    assert breaker.snapshot().totals.successes == 1
    assert "failure_if of 'plex' failed" in caplog.text


def test_a_policy_gives_it_to_both_parts(clock: ManualClock) -> None:
    service = ResilienceService(clock=clock)
    service.register_dependency("plex", failure_if=is_away, retry={"initial_delay": 0})
    upstream = Upstream(AWAY)
    assert service.execute("plex", upstream) is AWAY
    assert upstream.calls == 3
    assert service.registry.breaker("plex").snapshot().totals.failures == 3
    own = Policy(failure_if=is_away, retry=RetryOptions(failure_if=bool))
    assert not_none(own.retry).failure_if is bool


@pytest.mark.parametrize(
    "make", [lambda: CircuitBreaker("x", failure_if=503), lambda: Retry(failure_if=503),  # type: ignore[arg-type]
             lambda: Policy(failure_if=503)]  # type: ignore[arg-type]
)  # fmt: skip
def test_what_is_no_function_is_refused(make: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="failure_if must be a function"):
        make()


def test_nothing_is_in_the_path_without_it(make_breaker: MakeBreaker, clock: ManualClock) -> None:
    def depth(frame_of: CircuitBreaker | Retry) -> int:
        return len(frame_of.call(lambda: __import__("traceback").extract_stack()))

    assert depth(make_breaker()) == depth(make_breaker(failure_if=lambda stack: False)) - 2
    assert depth(Retry()) == depth(Retry(failure_if=lambda stack: False)) - 2
