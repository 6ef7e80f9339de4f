"""Fallback: a value, a function, or the last good answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from blinker import Signal

from medianest.resilience import (
    BulkheadFullError,
    CircuitOpenError,
    ConfigurationError,
    DeadlineExceededError,
    Fallback,
    ManualClock,
    MemoryLastGood,
)
from medianest.resilience.events import degraded
from tests.resilience.falling import broken, upstream


def test_a_call_that_succeeds_needs_no_fallback() -> None:
    assert Fallback(value="default").call(lambda: "answer") == "answer"


@pytest.mark.parametrize("value", ["default", [], None, 0])
def test_a_value_is_answered_in_the_place_of_a_failed_call(
    value: str | int | list[Any] | None,
) -> None:
    assert Fallback(value=value).call(broken) == value


def test_a_function_answers_from_the_error() -> None:
    assert Fallback(lambda error: f"sorry: {error}").call(broken) == "sorry: down"


def test_an_error_of_the_fallback_itself_keeps_its_own_causes() -> None:
    def worse(error: BaseException) -> NoReturn:
        raise RuntimeError("worse")

    with pytest.raises(RuntimeError) as caught:
        Fallback(worse).call(broken)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interrupt_always_passes(
    error: type[SystemExit] | type[GeneratorExit] | type[KeyboardInterrupt],
) -> None:
    def interrupted() -> NoReturn:
        raise error

    with pytest.raises(error):
        Fallback(value="default", handles=BaseException).call(interrupted)


def test_only_what_it_handles_is_answered() -> None:
    fallback = Fallback(value="default", handles=["timeout"])
    with pytest.raises(ConnectionError):
        fallback.call(broken)


@pytest.mark.parametrize("kind", [CircuitOpenError, BulkheadFullError, DeadlineExceededError])
def test_a_refusal_is_always_handled(
    kind: type[CircuitOpenError] | type[DeadlineExceededError] | type[BulkheadFullError],
) -> None:
    def refused() -> NoReturn:
        raise kind("plex", 1.0)

    assert Fallback(value="default", handles=[KeyError]).call(refused) == "default"


def test_the_caller_of_the_events_can_tell_what_answered(
    store: MemoryLastGood[Any], clock: ManualClock, heard: Callable[[Signal], list[Any]]
) -> None:
    events = heard(degraded)
    fallback = Fallback(value="default", last_good=store, name="plex")
    fallback.call(upstream.down())
    fallback.call(upstream.up("good"))
    clock.advance(7)
    fallback.call(upstream.down())
    assert [(e.name, e.source, e.age) for e in events] == [
        ("plex", "fallback", None),
        ("plex", "last-good", 7),
    ]
    assert all(isinstance(event.error, ConnectionError) for event in events)


@pytest.mark.parametrize(
    "wrong", [{}, {"handler": 5}, {"handler": str, "value": 1}, {"value": 1, "handles": "nonsense"}]
)
def test_a_fallback_that_could_not_answer_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Fallback(**wrong)
