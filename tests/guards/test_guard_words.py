"""What a guard says, to whom it refuses something and to fallbacks, and how it retries."""

from collections.abc import Callable
from typing import Any

import pytest
from blinker import Signal
from flask import Flask, Response

from medianest.resilience import (
    ConfigurationError,
    Fallback,
    ManualClock,
    MemoryLastGood,
)
from medianest.resilience.events import degraded, retry_scheduled

TWICE = {"max_attempts": 2, "initial_delay": 0}


# -- what is said ----------------------------------------------------------------------------------


def test_a_fallback_is_told_what_the_view_answered(
    serve: Callable[..., Callable[..., Any]], heard: Callable[[Signal], list[Any]]
) -> None:
    events = heard(degraded)
    assert serve(lambda: ("bad", 502), fallback=str)().text == "the view answered 502 BAD GATEWAY"
    assert [event.name for event in events] == ["view"]


WRONG = [
    (
        {"fallback": 5},
        "guard of 'x': give a function (error) -> answer or () -> answer, not 5",
    ),
    (
        {"fallback": Fallback(last_good=MemoryLastGood(60))},
        "guard of 'x': a guard's fallback cannot serve last good answers, since one request's "
        "response may be nobody else's; give last_good to the call inside the view",
    ),
    (
        {"fallback": Fallback(value=Response("later"))},
        "guard of 'x': one response cannot answer many requests, which add cookies and headers "
        "to it; give a function that makes a new one each time",
    ),
    (
        {"retry": {"attempts": 3}},
        "guard of 'x': unknown option attempts; allowed are max_attempts, initial_delay, factor, "
        "max_delay, retry_on, failure_if",
    ),
    ({"failure_if": 5}, "guard of 'x': failure_if must be a function, not 5"),
]


@pytest.mark.parametrize(("options", "message"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_option_is_told_in_full(resilience: Any, options: Any, message: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resilience.guard("/x", service="x", authorize=lambda: True, **options)
    assert str(caught.value) == message


def test_who_must_not_answer_strangers_is_told_which_view_it_is(resilience: Any) -> None:
    def report(*args: Any) -> str:
        return "report"

    with pytest.raises(ConfigurationError) as caught:
        resilience.protect(service="x", fallback=str)(report)
    assert f"the guard of 'x' on the view {report.__qualname__!r} may be" in str(caught.value)


# -- retries of a guard ----------------------------------------------------------------------------


def test_a_number_is_that_of_the_attempts_on_the_clock_and_the_budget_of_all(
    app: Flask,
    resilience: Any,
    serve: Callable[..., Callable[..., Any]],
    clock: ManualClock,
    heard: Callable[[Signal], list[Any]],
) -> None:
    scheduled = heard(retry_scheduled)
    assert serve(lambda: ("bad", 502), retry=5)().status_code == 502
    assert len(clock.slept) == len(scheduled) == 4
    assert {event.name for event in scheduled} == {"view"}
    assert resilience.registry.budget("view").snapshot()["retries"] == 4
