"""Strategies without a name are told by the function that they protect."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import pytest
from blinker import Signal

from medianest.resilience import (
    Coalesce,
    Deadline,
    DeadlineExceededError,
    Fallback,
    ManualClock,
    Pipeline,
    Retry,
)
from medianest.resilience.events import degraded, retry_scheduled
from medianest.resilience.naming import name_for


def weather() -> NoReturn:
    raise ConnectionError


class Client:
    def __call__(self) -> NoReturn:
        raise ConnectionError

    def ask(self) -> NoReturn:
        raise ConnectionError


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (weather, "weather"),
        (partial(partial(weather)), "weather"),
        (Client().ask, "Client.ask"),
        (Client(), "Client"),
        (len, "len"),
    ],
)
def test_the_function_has_a_name_whatever_it_is(
    function: partial[Any] | Client | Callable[..., Any], name: str
) -> None:
    assert name_for("call", function) == name
    assert name_for("plex", function) == "plex"


def test_notes_and_events_name_the_function(
    clock: ManualClock, heard: Callable[[Signal], list[Any]]
) -> None:
    """Keeps out: "retry 'call': gave up", of which there are many."""
    scheduled, answered = heard(retry_scheduled), heard(degraded)
    retry = Retry(max_attempts=2, initial_delay=0, clock=clock)
    with pytest.raises(ConnectionError) as caught:
        retry.call(weather)
    assert caught.value.__notes__ == ["retry 'weather': gave up after 2 attempts: no attempts left"]
    assert Pipeline("x", [Fallback(value=1), retry])(weather)() == 1
    assert [event.name for event in (*scheduled, *answered)] == ["weather"] * 3


@pytest.mark.parametrize("strategy", [Deadline, lambda *_, **more: Coalesce(**more)])
def test_refusals_name_the_function(
    clock: ManualClock, strategy: type[Deadline] | Callable[..., Any]
) -> None:
    with Deadline(1, clock=clock).scope():
        clock.advance(2)
        with pytest.raises(DeadlineExceededError, match="before 'weather' could be called"):
            strategy(5, clock=clock).call(weather)


def test_a_name_that_is_no_text_is_none() -> None:
    class Odd:
        __call__ = Client.__call__

    odd = Odd()
    odd.__qualname__ = 5  # type: ignore[attr-defined]
    assert name_for("call", odd) == "call"
