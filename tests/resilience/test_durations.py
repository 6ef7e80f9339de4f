"""How long the calls of a breaker took since it was made: what Prometheus adds up."""

from __future__ import annotations

import random

import pytest

from medianest.resilience import CircuitBreaker, ManualClock
from medianest.resilience.circuit_breaker.durations import BOUNDS, DurationCounts, Durations
from medianest.resilience.circuit_breaker.window import Window
from tests.resilience.conftest import MakeBreaker


def at(duration: float) -> int:
    """The place of the range that a duration is in."""
    return next((place for place, bound in enumerate(BOUNDS) if duration <= bound), len(BOUNDS))


def call(
    breaker: CircuitBreaker, clock: ManualClock, seconds: float, *, fails: bool = False
) -> None:
    def work() -> None:
        clock.advance(seconds)
        if fails:
            raise ConnectionError("refused")

    try:
        breaker.call(work)
    except ConnectionError:
        pass


def seen(breaker: CircuitBreaker, clock: ManualClock) -> Durations:
    clock.advance(1.0)  # the slice that was being filled is whole
    return breaker.snapshot().durations


def test_each_call_is_in_its_range(clock: ManualClock, make_breaker: MakeBreaker) -> None:
    breaker = make_breaker(monitoring_period=60, failure_threshold=9)
    for seconds in (0.002, 0.002, 0.2, 40.0):
        call(breaker, clock, seconds)
    call(breaker, clock, 0.2, fails=True)
    found = seen(breaker, clock)
    assert {place: n for place, n in enumerate(found.counts) if n} == {
        at(0.002): 2, at(0.2): 2, len(BOUNDS): 1,
    }  # fmt: skip
    assert found.seconds == pytest.approx(40.404)


def test_what_has_left_the_window_stays(clock: ManualClock, make_breaker: MakeBreaker) -> None:
    breaker = make_breaker(monitoring_period=60)
    call(breaker, clock, 0.3)
    clock.advance(600)
    call(breaker, clock, 0.3)
    assert sum(seen(breaker, clock).counts) == 2


def test_a_new_state_begins_with_what_was_counted_before(
    clock: ManualClock, make_breaker: MakeBreaker
) -> None:
    """Keeps out: a total that sinks, which Prometheus takes for a restart."""
    breaker = make_breaker(monitoring_period=60, failure_threshold=1)
    call(breaker, clock, 0.3)
    call(breaker, clock, 0.3, fails=True)
    assert breaker.state.value == "open"
    assert sum(breaker.snapshot().durations.counts) == 2


def test_a_reset_forgets_them(clock: ManualClock, make_breaker: MakeBreaker) -> None:
    breaker = make_breaker(monitoring_period=60)
    call(breaker, clock, 0.3)
    breaker.reset()
    assert seen(breaker, clock) == Durations((0,) * (len(BOUNDS) + 1), 0.0)


def test_of_many_calls_all_are_counted_and_their_ranges_are_near(clock: ManualClock) -> None:
    counts, chance = DurationCounts(), random.Random(4)
    window = Window(60, 0.0, counts)
    took = [chance.expovariate(10) for _ in range(5_000)]
    window.pending.extend(took)
    window.fold(0.1)
    before = counts.read()
    window.fold(0.6)
    found = counts.read()
    assert sum(before.counts) == 0
    assert sum(found.counts) == pytest.approx(len(took))
    assert found.seconds == pytest.approx(sum(took), rel=0.3)
    quick = sum(1 for each in took if each <= 0.1) / len(took)
    assert sum(found.counts[: at(0.1) + 1]) / len(took) == pytest.approx(quick, abs=0.15)
