"""Events: what happened, told with no lock held, to receivers that cannot harm."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
from blinker import NamedSignal, Signal

from medianest.resilience import CircuitBreaker, CircuitOpenError, ManualClock, State
from medianest.resilience.events import (
    CallRefused,
    Event,
    StateChanged,
    call_refused,
    publish,
    state_changed,
)
from tests.resilience.conftest import Fail, MakeBreaker


@pytest.fixture
def receiving() -> Iterator[Callable[[Signal, Callable[..., None]], None]]:
    """Connects a receiver for the length of the test."""
    connected = []

    def connect(signal: Signal, receiver: Callable[..., None]) -> None:
        signal.connect(receiver)
        connected.append((signal, receiver))

    yield connect
    for signal, receiver in connected:
        signal.disconnect(receiver)


def test_each_change_of_state_is_one_event_in_order(
    make_breaker: MakeBreaker, half_open: Fail, heard: Callable[[Signal], list[Any]]
) -> None:
    changes = heard(state_changed)
    breaker = make_breaker(half_open_max_calls=1)
    half_open(breaker)
    breaker.call(int)
    assert [(c.before, c.after, c.trigger, c.generation) for c in changes] == [
        ("closed", "open", "tripped", 2),
        ("open", "half_open", "wait_elapsed", 3),
        ("half_open", "closed", "probes_passed", 4),
    ]
    assert changes[0].reason == "5 of 5 calls failed"
    assert changes[0].name == "plex"


def test_each_refusal_is_an_event(
    make_breaker: MakeBreaker, trip: Fail, heard: Callable[[Signal], list[Any]]
) -> None:
    breaker = make_breaker()
    trip(breaker)
    refusals = heard(call_refused)
    for use in (breaker.call, lambda f: breaker(f)(), lambda f: breaker.acquire()):
        with pytest.raises(CircuitOpenError):
            use(int)
    assert refusals == [CallRefused("plex", 30.0)] * 3


def test_an_event_is_frozen() -> None:
    event = CallRefused("plex", 1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.name = "other"  # type: ignore[misc]


def test_a_receiver_may_use_the_breaker_that_sent_the_event(
    make_breaker: MakeBreaker,
    trip: Fail,
    receiving: Callable[[Signal, Callable[..., None]], None],
) -> None:
    breaker = make_breaker()
    seen: list[object] = []

    def look(event: StateChanged) -> None:
        if event.after == "open":
            seen.append((breaker.state, breaker.snapshot().generation))
            breaker.disable("never mind")
            breaker.call(lambda: seen.append("called"))

    receiving(state_changed, look)
    while breaker.state is not State.DISABLED:
        with pytest.raises(ConnectionError):
            breaker.call(raise_it)
    assert seen == [(State.OPEN, 2), "called"]


def raise_it() -> NoReturn:
    raise ConnectionError


def test_other_threads_use_the_breaker_while_a_receiver_is_busy(
    make_breaker: MakeBreaker,
    trip: Fail,
    receiving: Callable[[Signal, Callable[..., None]], None],
) -> None:
    breaker, answers = make_breaker(), []

    def busy(event: StateChanged) -> None:
        thread = threading.Thread(target=lambda: answers.append(breaker.snapshot().state))
        thread.start()
        thread.join(10)

    receiving(state_changed, busy)
    trip(breaker)
    assert answers == [State.OPEN]


def test_a_refused_caller_may_ask_the_breaker_from_a_receiver(
    make_breaker: MakeBreaker,
    trip: Fail,
    receiving: Callable[[Signal, Callable[..., None]], None],
) -> None:
    breaker, seen = make_breaker(), []
    trip(breaker)

    def look(event: CallRefused) -> None:
        seen.append(breaker.snapshot().counts.rejected)

    receiving(call_refused, look)
    with pytest.raises(CircuitOpenError):
        breaker.call(int)
    assert seen == [1]


def test_a_receiver_that_raises_is_logged_and_harms_nobody(
    make_breaker: MakeBreaker,
    fail: Fail,
    trip: Fail,
    receiving: Callable[[Signal, Callable[..., None]], None],
    heard: Callable[[Signal], list[Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def bad(event: StateChanged) -> NoReturn:
        raise RuntimeError("bad receiver")

    receiving(state_changed, bad)
    changes = heard(state_changed)
    breaker = make_breaker()
    with caplog.at_level(logging.ERROR, logger="medianest.resilience"):
        trip(breaker)
    assert [change.after for change in changes] == ["open"]
    (record,) = caplog.records
    assert record.message == "a receiver of StateChanged events failed"
    assert "bad receiver" in str(record.exc_info)


def test_publishing_without_receivers_is_nothing() -> None:
    publish([CallRefused("plex", 1.0)])


def test_a_receiver_that_is_gone_is_forgotten(make_breaker: MakeBreaker, trip: Fail) -> None:
    class Panel:
        def look(self, event: Any) -> NoReturn:
            raise AssertionError("it is gone")

    panel, before = Panel(), set(state_changed.receivers)
    state_changed.connect(panel.look)
    del panel
    trip(make_breaker())
    assert set(state_changed.receivers) <= before


def test_the_event_carries_the_time_of_day(
    make_breaker: MakeBreaker, trip: Fail, heard: Callable[[Signal], list[Any]], clock: ManualClock
) -> None:
    changes = heard(state_changed)
    trip(make_breaker())
    (change,) = changes
    assert isinstance(change, StateChanged)
    assert change.at == clock.utc()


def test_events_come_in_the_order_in_which_things_happened(
    heard: Callable[[Signal], list[Any]],
) -> None:
    """Keeps out: the end of a log that tells a state which is over."""
    breaker = CircuitBreaker("plex")
    states = heard(state_changed)
    threads = [
        threading.Thread(target=lambda: [breaker.open("x") or breaker.close() for _ in range(200)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    numbers = [event.generation for event in states]
    assert numbers == sorted(numbers)
    assert len(numbers) == 1600


def test_what_a_receiver_does_is_told_after_what_it_was_told(
    heard: Callable[[Signal], list[Any]],
) -> None:
    breaker = CircuitBreaker("plex")

    def close_it(event: StateChanged) -> None:
        if event.after == "forced_open":
            breaker.close("by the receiver")

    state_changed.connect(close_it)
    try:
        states = heard(state_changed)
        breaker.open("x")
    finally:
        state_changed.disconnect(close_it)
    assert [event.after for event in states] == ["forced_open", "closed"]


def test_each_kind_of_event_has_a_signal_of_its_name() -> None:
    class LightsOut(Event):
        pass

    signals = (LightsOut.signal, state_changed)
    names = [signal.name for signal in signals if isinstance(signal, NamedSignal)]
    assert names == ["lights-out", "state-changed"]
