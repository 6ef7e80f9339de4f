"""What lies under an error, and what only happened to be around it."""

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from medianest.resilience import CircuitBreaker, ManualClock
from medianest.resilience.outcome import causes


@pytest.fixture
def breaker(clock: ManualClock) -> CircuitBreaker:
    return CircuitBreaker("plex", expected_errors=("timeout",), clock=clock)


def bug() -> NoReturn:
    raise KeyError("bug")


def give_up() -> NoReturn:
    raise RuntimeError("raised while another is handled, without from")


def wrapped() -> None:
    try:
        raise TimeoutError
    except TimeoutError:
        give_up()


def cut_off() -> NoReturn:
    try:
        raise TimeoutError
    except TimeoutError:
        raise RuntimeError("wrapped from None") from None


def counts_of(breaker: CircuitBreaker, call: Callable[..., Any]) -> tuple[int, int]:
    with pytest.raises((KeyError, RuntimeError)):
        call()
    counts = breaker.snapshot().counts
    return counts.failures, counts.unexpected


def test_an_error_handled_inside_the_call_is_a_cause(breaker: CircuitBreaker) -> None:
    assert counts_of(breaker, lambda: breaker.call(wrapped)) == (1, 0)


def test_an_error_that_the_caller_was_handling_is_no_cause(breaker: CircuitBreaker) -> None:
    """Keeps out: a bug in a fallback counted as the timeout for which the fallback was called."""

    def call() -> None:
        try:
            raise TimeoutError
        except TimeoutError:
            breaker.call(bug)

    assert counts_of(breaker, call) == (0, 1)


def test_a_cause_that_was_cut_off_is_no_cause(breaker: CircuitBreaker) -> None:
    assert counts_of(breaker, lambda: breaker.call(cut_off)) == (0, 1)


def test_causes_in_a_circle_end(breaker: CircuitBreaker) -> None:
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__cause__, second.__cause__ = second, first

    def fail() -> NoReturn:
        raise first

    assert counts_of(breaker, lambda: breaker.call(fail)) == (0, 1)


def test_in_a_permit_block_what_was_handled_there_is_a_cause(breaker: CircuitBreaker) -> None:
    """Keeps out: the frame that holds the permit taken for one around the call."""

    def call() -> None:
        with breaker.acquire():
            wrapped()

    def call_in_one_frame() -> None:
        with breaker.acquire():
            try:
                raise TimeoutError
            except TimeoutError:
                give_up()

    assert counts_of(breaker, call) == (1, 0)
    assert counts_of(breaker, call_in_one_frame) == (2, 0)


def test_everything_beneath_an_error_is_looked_at_whatever_else_is_there() -> None:
    shared, deep, leaf = ValueError("shared"), ValueError("deep"), OSError("leaf")
    carrier = ConnectionError(deep)
    error = RuntimeError(leaf, carrier, shared)
    error.__cause__ = shared
    assert {*causes(error)} == {error, shared, carrier, deep, leaf}
