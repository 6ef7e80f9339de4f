"""Clocks: what the library knows of time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from medianest.resilience import Clock, ConfigurationError, ManualClock, SystemClock
from medianest.resilience.clock import as_clock, elapsed_of


def test_a_manual_clock_stands_still_until_it_is_advanced(clock: ManualClock) -> None:
    before = clock.now()
    assert clock.now() == before
    clock.advance(2.5)
    assert clock.now() == before + 2.5


def test_the_time_of_day_of_a_manual_clock_moves_with_it(clock: ManualClock) -> None:
    before = clock.utc()
    clock.advance(90)
    assert clock.utc() - before == timedelta(seconds=90)
    assert before.tzinfo is UTC


def test_sleeping_on_a_manual_clock_advances_it_and_is_noted(clock: ManualClock) -> None:
    before = clock.now()
    clock.sleep(3)
    clock.sleep(4)
    assert clock.now() == before + 7
    assert clock.slept == [3, 4]


def test_the_system_clock_is_the_monotonic_one() -> None:
    clock = SystemClock()
    before = time.monotonic()
    assert before <= clock.now() <= time.monotonic()
    assert abs(clock.utc() - datetime.now(UTC)) < timedelta(seconds=5)


def test_the_age_of_what_is_remembered_counts_the_time_asleep(clock: ManualClock) -> None:
    elapsed = elapsed_of(clock)
    before, running, day = elapsed(), clock.now(), clock.utc()
    clock.advance(1)
    clock.suspend(3600)
    assert (elapsed() - before, clock.now() - running) == (3601, 1)
    assert clock.utc() - day == timedelta(seconds=3601)


def test_who_sets_the_time_of_day_changes_nothing_else(clock: ManualClock) -> None:
    before, day = (clock.now(), clock.elapsed()), clock.utc()
    clock.set_by(-3600)
    assert (clock.now(), clock.elapsed()) == before
    assert clock.utc() - day == -timedelta(hours=1)


def test_the_system_clock_counts_the_time_asleep_where_the_system_does() -> None:
    known = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    before = time.clock_gettime(known)
    assert before <= elapsed_of(SystemClock())() <= time.clock_gettime(known)


def test_of_a_clock_that_knows_nothing_of_sleep_the_age_is_what_it_tells() -> None:
    assert elapsed_of(as_clock(lambda: 42.0))() == 42.0


def test_both_clocks_are_clocks() -> None:
    assert isinstance(SystemClock(), Clock)
    assert isinstance(ManualClock(), Clock)


def test_no_clock_given_means_the_system_clock() -> None:
    assert isinstance(as_clock(None), SystemClock)


def test_a_clock_is_taken_as_it_is(clock: ManualClock) -> None:
    assert as_clock(clock) is clock


def test_a_function_that_returns_seconds_is_a_clock() -> None:
    clock = as_clock(lambda: 42.0)
    assert clock.now() == 42.0
    assert abs(clock.utc() - datetime.now(UTC)) < timedelta(seconds=5)


def test_an_object_that_only_knows_now_is_a_clock() -> None:
    class Half:
        def now(self) -> float:
            return 7.0

    assert as_clock(Half()).now() == 7.0  # type: ignore[arg-type]


@pytest.mark.parametrize("nonsense", [5, "now", object()])
def test_anything_else_is_refused_as_a_clock(nonsense: Any) -> None:
    with pytest.raises(ConfigurationError, match="clock must be a Clock or a function"):
        as_clock(nonsense)


def test_the_time_of_day_may_be_set_again_and_again(clock: ManualClock) -> None:
    day = clock.utc()
    for seconds in (60, 60, -30):
        clock.set_by(seconds)
    assert clock.utc() - day == timedelta(seconds=90)


def test_what_tells_the_time_sleeps_in_its_own_way_if_it_has_one() -> None:
    slept: list[float] = []

    class Sleepy:
        now = staticmethod(time.monotonic)
        sleep = staticmethod(slept.append)

    as_clock(Sleepy()).sleep(2)  # type: ignore[arg-type]
    as_clock(time.monotonic).sleep(0)
    assert slept == [2]
