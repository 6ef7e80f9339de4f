"""How long the calls of a breaker took since it was made: what Prometheus adds up."""

from __future__ import annotations

import operator
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


def test_a_new_slice_counts_none_of_the_last_one() -> None:
    """Keeps out: among many breakers most calls are the first of a slice, and paid for it."""
    counts = DurationCounts()
    window = Window(60, 0.0, counts)
    for second in range(59):
        window.pending.append(0.002)
        window.fold(float(second))
    assert sum(counts.read().counts) == 0
    window.tell_durations()
    assert sum(counts.read().counts) == 59


def test_a_slice_that_nobody_has_read_is_counted_when_it_leaves() -> None:
    counts = DurationCounts()
    window = Window(60, 0.0, counts)
    window.pending.append(0.002)
    window.fold(0.1)
    window.fold(59.0)
    assert sum(counts.read().counts) == 0
    window.fold(60.0)
    assert counts.read() == Durations((1, *(0,) * len(BOUNDS)), 0.002)


@pytest.mark.parametrize("every", [1, 7, 119, 250])
def test_each_slice_is_counted_once_however_often_somebody_reads(every: int) -> None:
    """And no total ever sinks, which Prometheus takes for a restart."""
    counts, chance = DurationCounts(), random.Random(every)
    window, appended, before = Window(60, 0.0, counts), 0, counts.read()
    for number in range(600):
        window.pending.extend(batch := [chance.expovariate(300)] * chance.randrange(4))
        appended += len(batch)
        window.fold(number / 2 + 0.1)
        if number % every == 0:
            window.tell_durations()
        found = counts.read()
        assert all(map(operator.le, before.counts, found.counts))
        assert before.seconds <= found.seconds
        before = found
    window.end(300.0)
    assert sum(counts.read().counts) == appended


def test_calls_at_the_first_bound_and_above_it_are_told_apart() -> None:
    counts = DurationCounts()
    counts.add([0.001, 0.005], 2, 0.005)
    counts.add([0.001, 0.0051], 2, 0.0051)
    counts.add([], 0, 0.0)
    assert counts.read().counts[:3] == (3, 1, 0)
    assert counts.read().seconds == pytest.approx(0.0121)


def test_of_many_calls_all_are_counted_and_their_ranges_are_near() -> None:
    counts, chance = DurationCounts(), random.Random(4)
    window = Window(60, 0.0, counts)
    took = [chance.expovariate(10) for _ in range(5_000)]
    window.pending.extend(took)
    window.fold(0.1)
    window.tell_durations()
    before = counts.read()
    window.fold(0.6)
    window.tell_durations()
    found = counts.read()
    assert sum(before.counts) == 0
    assert sum(found.counts) == pytest.approx(len(took))
    assert found.seconds == pytest.approx(sum(took), rel=0.3)
    quick = sum(1 for each in took if each <= 0.1) / len(took)
    assert sum(found.counts[: at(0.1) + 1]) / len(took) == pytest.approx(quick, abs=0.15)
