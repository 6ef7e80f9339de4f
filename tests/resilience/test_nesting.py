"""Calls within calls: one breaker around itself, retries around retries, errors within handlers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import pytest
from blinker import Signal

from medianest.resilience import (
    CircuitBreaker,
    ErrorRecoveryManager,
    Fallback,
    ManualClock,
    Pipeline,
    Recovery,
    Retry,
    RetryBudget,
    State,
)
from medianest.resilience.events import StateChanged, state_changed
from tests.resilience.conftest import Fail, MakeBreaker
from tests.resilience.falling import Upstream


class AnswerError(Exception):
    """An error as HTTP clients raise it."""

    retry_after = 3600


def retrying(clock: ManualClock, **options: Any) -> Retry:
    options.setdefault("budget", RetryBudget(reserve=1000, clock=clock))
    return Retry(initial_delay=0, clock=clock, **options)


@pytest.mark.parametrize("probes", [1, 2, 3, 5])
def test_a_breaker_around_itself_recovers(
    make_breaker: MakeBreaker, half_open: Fail, probes: int
) -> None:
    """Keeps out: the outer call takes the place of the only probe, and the inner one is refused,
    for ever."""
    breaker = make_breaker(half_open_max_calls=probes)
    outer = breaker(breaker(lambda: "ok"))
    half_open(breaker)
    assert [outer() for _ in range(probes)] == ["ok"] * probes
    assert breaker.state is State.CLOSED


def test_a_failure_inside_a_probe_that_handles_it_is_no_failed_probe(
    make_breaker: MakeBreaker, half_open: Fail
) -> None:
    breaker = make_breaker(half_open_max_calls=1)
    half_open(breaker)

    def broken() -> NoReturn:
        raise ConnectionError

    def tolerant() -> None:
        with pytest.raises(ConnectionError):
            breaker.call(broken)

    breaker.call(tolerant)
    assert breaker.state is State.CLOSED


def test_another_thread_is_not_part_of_a_probe(make_breaker: MakeBreaker, half_open: Fail) -> None:
    breaker = make_breaker(half_open_max_calls=1)
    half_open(breaker)

    def probe() -> BaseException | None:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(breaker.call, int).exception()

    assert type(breaker.call(probe)).__name__ == "CircuitOpenError"


def test_the_time_of_receivers_is_not_the_calls(
    make_breaker: MakeBreaker,
    half_open: Fail,
    clock: ManualClock,
    heard: Callable[[Signal], list[Any]],
) -> None:
    """Keeps out: a slow receiver of "half-open" makes every probe a slow one."""
    breaker = make_breaker(slow_call_duration_threshold=1, half_open_max_calls=1)

    def slow(event: StateChanged) -> None:
        clock.advance(1.5)

    half_open(breaker)
    with state_changed.connected_to(slow):
        breaker.call(int)
    assert breaker.state is State.CLOSED


def test_an_interrupted_receiver_loses_no_probe(make_breaker: MakeBreaker, half_open: Fail) -> None:
    breaker = make_breaker(half_open_max_calls=1)

    def interrupted(event: StateChanged) -> NoReturn:
        raise SystemExit

    half_open(breaker)
    with state_changed.connected_to(interrupted), pytest.raises(SystemExit):
        breaker.call(int)
    breaker.call(int)
    assert breaker.state is State.CLOSED


def test_a_recursion_without_end_leaves_nothing_in_flight(make_breaker: MakeBreaker) -> None:
    breaker = make_breaker(failure_threshold=10**6)

    @breaker
    def endless() -> Any:
        return endless()

    with pytest.raises(RecursionError):
        endless()
    assert breaker.snapshot().in_flight == 0


def test_a_retry_inside_that_was_handled_does_not_disable_the_one_outside(
    clock: ManualClock,
) -> None:
    """Keeps out: an optional call gives up, its fallback answers, and what fails later is not
    tried again."""
    optional = Pipeline("cache", [Fallback(value=None), retrying(clock)])
    failures = [ConnectionError(), ConnectionError()]

    def operation() -> str:
        optional.call(Upstream().down())
        if failures:
            raise failures.pop()
        return "ok"

    assert retrying(clock).call(operation) == "ok"


@pytest.mark.parametrize("chained", ["from", "context", "none"])
def test_an_error_that_came_of_one_given_up_inside_is_not_tried_again(
    clock: ManualClock, chained: str
) -> None:
    calls = []

    def upstream() -> NoReturn:
        calls.append(1)
        raise ConnectionError

    def operation() -> None:
        try:
            retrying(clock).call(upstream)
        except ConnectionError as error:
            if chained == "from":
                raise RuntimeError from error
            if chained == "none":
                raise RuntimeError from None
            raise RuntimeError  # noqa: B904 (the context is the point)

    with pytest.raises(RuntimeError):
        retrying(clock).call(operation)
    assert len(calls) == 3


def test_retries_do_not_multiply_across_threads(clock: ManualClock) -> None:
    calls = []

    def upstream() -> NoReturn:
        calls.append(1)
        raise ConnectionError

    with ThreadPoolExecutor(1) as pool, pytest.raises(ConnectionError):
        retrying(clock).call(lambda: pool.submit(retrying(clock).call, upstream).result())
    assert len(calls) == 3


def test_what_the_caller_handles_asks_this_call_to_wait_for_nothing(clock: ManualClock) -> None:
    """Keeps out: the Retry-After of an error that is being handled around the call."""
    failures = [ConnectionError()]

    def flaky() -> str:
        if failures:
            raise failures.pop()
        return "ok"

    try:
        raise AnswerError
    except AnswerError:
        assert retrying(clock, max_delay=1).call(flaky) == "ok"


def test_what_was_handled_when_a_permit_was_taken_is_no_cause(clock: ManualClock) -> None:
    breaker = CircuitBreaker("x", failure_threshold=1, expected_errors="timeout", clock=clock)
    try:
        raise TimeoutError
    except TimeoutError:
        with pytest.raises(KeyError), breaker.acquire():
            raise KeyError  # noqa: B904
    assert breaker.state is State.CLOSED


@pytest.mark.parametrize("handling", [False, True])
def test_an_error_keeps_its_own_context_whatever_the_caller_handles(
    clock: ManualClock, handling: bool
) -> None:
    """Keeps out: "timeout" matches outside of a handler and not inside of one."""
    pipeline = Pipeline("x", [Fallback(value="fallback", handles="timeout"), retrying(clock)])

    def operation() -> NoReturn:
        try:
            raise TimeoutError
        except TimeoutError:
            raise ValueError  # noqa: B904

    def call() -> str:
        return pipeline.call(operation)

    if not handling:
        assert call() == "fallback"
        return
    try:
        raise KeyError
    except KeyError:
        assert call() == "fallback"


@pytest.mark.parametrize("answers", ["fallback", "recovery"])
def test_a_fresh_error_is_not_taken_for_one_that_was_given_up_and_answered(
    clock: ManualClock, answers: str
) -> None:
    """Keeps out: the address of an error that is gone, and has become that of the next one."""
    manager = ErrorRecoveryManager(clock=clock)
    manager.register_recovery_action("empty", execute=lambda error, context: "empty")
    answer = Fallback(value="empty") if answers == "fallback" else Recovery(manager, service="x")
    optional = Pipeline("x", [answer, retrying(clock)])
    for _ in range(50):
        failures = [1, 1]

        def operation(failures: list[int] = failures) -> str:
            optional.call(Upstream().down())
            if failures:
                failures.pop()
                raise ConnectionError("another")
            return "ok"

        assert retrying(clock).call(operation) == "ok"
