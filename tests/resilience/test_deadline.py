"""The deadline: carried along, only ever shortened, and respected by whatever waits."""

from __future__ import annotations

import math
import threading
from typing import Any, NoReturn

import pytest

from medianest.resilience import (
    ConfigurationError,
    Deadline,
    DeadlineExceededError,
    ManualClock,
    remaining,
)


def test_without_a_deadline_time_is_endless() -> None:
    assert remaining() == math.inf
    assert remaining(5) == 5


def test_a_call_sees_what_is_left(clock: ManualClock) -> None:
    def call() -> float:
        clock.advance(2)
        return remaining()

    assert Deadline(5, clock=clock).call(call) == 3


def test_what_is_left_bounds_a_shorter_or_longer_wait(clock: ManualClock) -> None:
    with Deadline(5, clock=clock).scope():
        assert remaining(3) == 3
        assert remaining(30) == 5


def test_what_is_left_is_never_negative(clock: ManualClock) -> None:
    with Deadline(5, clock=clock).scope():
        clock.advance(60)
        assert remaining() == 0


def test_an_inner_deadline_shortens_and_never_prolongs(clock: ManualClock) -> None:
    with Deadline(5, clock=clock).scope():
        with Deadline(2, clock=clock).scope():
            assert remaining() == 2
        with Deadline(60, clock=clock).scope():
            assert remaining() == 5
        assert remaining() == 5
    assert remaining() == math.inf


def test_nothing_is_called_when_nothing_is_left(clock: ManualClock) -> None:
    calls: list[int] = []
    with Deadline(5, clock=clock).scope():
        clock.advance(5)
        with pytest.raises(DeadlineExceededError) as caught:
            Deadline(1, name="plex", clock=clock).call(calls.append, 1)
    assert calls == []
    assert caught.value.name == "plex"


def test_a_result_that_comes_late_is_used(clock: ManualClock) -> None:
    def late() -> str:
        clock.advance(60)
        return "here"

    assert Deadline(5, clock=clock).call(late) == "here"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_deadline_ends_with_its_call_whatever_it_raises(
    clock: ManualClock, error: type[KeyboardInterrupt] | type[ValueError]
) -> None:
    def broken() -> NoReturn:
        raise error

    with pytest.raises(error):
        Deadline(5, clock=clock).call(broken)
    assert remaining() == math.inf


def test_another_thread_has_its_own_deadline(clock: ManualClock) -> None:
    seen = []
    with Deadline(5, clock=clock).scope():
        thread = threading.Thread(target=lambda: seen.append(remaining()))
        thread.start()
        thread.join()
    assert seen == [math.inf]


def test_deadlines_on_different_clocks_agree_on_what_is_left(clock: ManualClock) -> None:
    with Deadline(5, clock=clock).scope(), Deadline(60).scope():
        assert 4.5 < remaining() <= 5


@pytest.mark.parametrize("wrong", [0, -1, math.inf, math.nan, "5", None])
def test_a_wrong_timeout_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be seconds above 0"):
        Deadline(wrong)


def test_after_a_deadline_within_it_the_outer_one_goes_on(clock: ManualClock) -> None:
    def within() -> Any:
        Deadline(1, clock=clock).call(clock.advance, 2)
        return remaining()

    assert Deadline(10, clock=clock).call(within) == 8


def test_the_last_half_second_is_time_enough_to_begin(clock: ManualClock) -> None:
    def within() -> Any:
        clock.advance(9.5)
        return Deadline(5, clock=clock).call(remaining)

    assert Deadline(10, clock=clock).call(within) == 0.5


@pytest.mark.parametrize("name", [None, "shelf"])
def test_a_block_without_time_is_told_by_the_name_of_its_deadline(
    clock: ManualClock, name: Any
) -> None:
    inner = Deadline(5, clock=clock, **({"name": name} if name else {}))
    with Deadline(10, clock=clock).scope():
        clock.advance(10)
        with pytest.raises(DeadlineExceededError) as caught, inner.scope():
            pytest.fail("there was no time")
    assert caught.value.name == (name or "call")
