"""Whatever goes wrong around a call that fails: its own error is what the caller gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from medianest.resilience import (
    CircuitBreaker,
    CircuitOpenError,
    Coalesce,
    ErrorRecoveryManager,
    Fallback,
    MemoryLastGood,
    Patience,
    Pipeline,
    Recovery,
    Retry,
    RetryBudget,
    Strategy,
)
from medianest.resilience.events import RetryScheduled, StateChanged, retry_scheduled, state_changed


class RealError(Exception):
    pass


class UnreadableError(RealError):
    """As odd as an error can be."""

    def __str__(self) -> NoReturn:
        raise ValueError("no text")

    __repr__ = __str__

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # who prints it asks for these
            raise AttributeError(name)
        raise RuntimeError(f"no {name}")

    def __setattr__(self, name: str, value: int | list[str]) -> NoReturn:
        raise RuntimeError("nothing can be set")

    @property
    def args(self) -> NoReturn:  # type: ignore[override]
        raise RuntimeError("no args")


class Headers:
    def get(self, name: str) -> NoReturn:
        raise KeyError(name)


class OddHeadersError(RealError):
    headers = Headers()


def bug(*args: Any, **kwargs: Any) -> NoReturn:
    raise ZeroDivisionError("a bug")


def manager(**options: Any) -> ErrorRecoveryManager:
    return ErrorRecoveryManager(**options)


def acting(**action: Any) -> ErrorRecoveryManager:
    recovery = manager()
    recovery.register_recovery_action("act", execute=bug, **action)
    return recovery


class OddBool:
    __bool__ = bug


def retry(**options: Any) -> Retry:
    return Retry(initial_delay=0, **options)


AROUND: dict[str, Callable[[], Strategy]] = {
    "expected_errors": lambda: CircuitBreaker("x", expected_errors=bug, failure_threshold=1),
    "ignored_errors": lambda: CircuitBreaker("x", ignored_errors=bug),
    "tokens": lambda: CircuitBreaker("x", expected_errors=("timeout", "5xx", "ECONNRESET")),
    "retry_on": lambda: retry(retry_on=bug),
    "retry": retry,
    "budget": lambda: retry(budget=RetryBudget(suspended=bug)),
    "handles": lambda: Fallback(value="none", handles=bug),
    "key": lambda: Fallback(last_good=MemoryLastGood(60), key=bug),
    "key of flights": lambda: Coalesce(key=bug),
    "key of patience": lambda: Patience(1, last_good=MemoryLastGood(60), key=bug),
    "flights": lambda: Pipeline("x", [Coalesce()]),
    "action": lambda: Recovery(acting(), service="x"),
    "should_execute": lambda: Recovery(acting(should_execute=bug), service="x"),
    "should_execute's answer": lambda: Recovery(
        acting(should_execute=lambda error, context: OddBool()), service="x"
    ),
    "concerns": lambda: Recovery(acting(concerns=bug), service="x"),
    "ambient": lambda: Recovery(manager(ambient=bug), service="x"),
    "ambient's answer": lambda: Recovery(manager(ambient=lambda: 5), service="x"),
    "suspended": lambda: Recovery(manager_held_back(), service="x"),
    "operation": lambda: Recovery(acting(), service="x", operation=bug),
    "metadata": lambda: Recovery(acting(), service="x", metadata=bug),
    "metadata's answer": lambda: Recovery(acting(), service="x", metadata=lambda: 5),  # type: ignore[arg-type, return-value]
    "key of good answers": lambda: Recovery(
        acting(), service="x", operation="x", last_good=MemoryLastGood(60), key=bug
    ),
}


def manager_held_back() -> ErrorRecoveryManager:
    recovery = manager(suspended=bug)
    recovery.register_recovery_action("act", execute=bug)
    return recovery


def kind_raised_by(strategy: Strategy, function: Callable[[], NoReturn]) -> type[Exception] | None:
    """Its type alone: no tool that reports tests can print such errors."""
    try:
        strategy.call(function)
    except Exception as error:
        return type(error)
    return None


@pytest.mark.parametrize("kind", [RealError, UnreadableError, OddHeadersError])
@pytest.mark.parametrize("around", AROUND)
def test_no_bug_around_a_call_hides_its_error(around: str, kind: type[Exception]) -> None:
    def broken() -> NoReturn:
        raise kind

    assert kind_raised_by(AROUND[around](), broken) is kind


@pytest.mark.parametrize("around", AROUND)
def test_no_bug_around_a_call_costs_its_answer(around: str) -> None:
    assert AROUND[around]().call(lambda: "ok") == "ok"


def test_a_listener_with_a_bug_hides_no_error() -> None:
    def listener(event: RetryScheduled | StateChanged) -> NoReturn:
        raise ZeroDivisionError

    def broken() -> NoReturn:
        raise RealError

    pipeline = Pipeline("x", [retry(), CircuitBreaker("x", failure_threshold=3)])
    with state_changed.connected_to(listener), retry_scheduled.connected_to(listener):
        assert kind_raised_by(pipeline, broken) is RealError


def test_a_refusal_that_ends_the_retries_tells_why_they_were_made() -> None:
    """Keeps out: "circuit breaker is open" alone, from the call whose own failure opened it."""

    def broken() -> NoReturn:
        raise RealError

    with pytest.raises(CircuitOpenError) as caught:
        Pipeline("x", [retry(), CircuitBreaker("x", failure_threshold=1)]).call(broken)
    assert type(caught.value.__cause__) is RealError


def test_a_fallback_with_a_bug_tells_what_it_was_to_answer() -> None:
    """Keeps out: nothing but the fallback's KeyError, and nobody knows what failed at first."""

    def broken() -> NoReturn:
        raise RealError("down")

    with pytest.raises(ZeroDivisionError) as caught:
        Fallback(bug, name="plex").call(broken)
    assert caught.value.__notes__ == ["fallback 'plex': raised in the place of RealError: down"]


def test_a_mark_with_a_bug_leaves_the_answer_to_the_handler_or_the_error() -> None:
    answers = ["good"]

    def call() -> str:
        if answers:
            return answers.pop()
        raise RealError

    for handler, expected in ((None, None), (lambda: "empty", "empty")):
        answers[:] = ["good"]
        fallback = Fallback(handler, last_good=MemoryLastGood(60), stale=bug)
        assert fallback.call(call) == "good"
        if handler is None:
            with pytest.raises(RealError):
                fallback.call(call)
        else:
            assert fallback.call(call) == expected
