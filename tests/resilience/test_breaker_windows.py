"""What a window keeps of many calls, and for how long."""

from __future__ import annotations

from medianest.resilience import ManualClock, State
from medianest.resilience.circuit_breaker.window import Window
from medianest.resilience.outcome import Outcome
from tests.resilience.conftest import Fail, MakeBreaker


def test_slow_calls_leave_the_count_with_the_period(
    make_breaker: MakeBreaker, clock: ManualClock
) -> None:
    breaker = make_breaker(slow_call_duration_threshold=1, monitoring_period=600)
    for _ in range(3):
        breaker.call(lambda: clock.advance(1))
    clock.advance(601)
    snapshot = breaker.snapshot()
    assert (snapshot.counts.slow, snapshot.totals.slow) == (0, 3)


def test_a_slow_success_is_no_failure_in_a_row(
    make_breaker: MakeBreaker, clock: ManualClock, fail: Fail
) -> None:
    breaker = make_breaker(
        counting="consecutive", failure_threshold=2, slow_call_duration_threshold=1
    )
    fail(breaker)
    breaker.call(lambda: clock.advance(1))
    fail(breaker)
    assert breaker.state is State.CLOSED


def test_a_window_that_is_used_all_the_time_keeps_a_bounded_number_of_slices() -> None:
    window = Window(60, now=0)
    for hundredth in range(12_000):
        window.fold(hundredth / 100)
        window.add(Outcome.SUCCESS, 0.1, slow=False)
    assert len(window.batches()[0]) <= 121


def test_the_durations_that_are_kept_of_many_are_evenly_spread() -> None:
    window = Window(60, now=0)
    durations = [float(number) for number in range(1_510)]
    for first in range(0, 1_510, 151):
        window.pending += durations[first : first + 151]
        window.fold(0.1)
    [(weight, kept)], longest = window.batches()
    assert kept == durations[::16]
    assert (weight * len(kept), longest) == (1_510, 1_509)


def test_of_a_crowd_that_is_counted_at_once_few_durations_are_kept() -> None:
    window = Window(60, now=0)
    window.pending += [0.01] * 10_000
    window.fold(0.1)
    [(weight, kept)], _ = window.batches()
    assert (len(kept) <= 128, weight * len(kept)) == (True, 10_000)


def test_quick_calls_leave_the_count_with_the_period() -> None:
    window = Window(60, now=0)
    for _ in range(2):
        window.pending += [0.01, 0.01]
        window.fold(0.1)
    window.fold(61)
    assert (window.counts[Outcome.SUCCESS], window.retired[Outcome.SUCCESS]) == (0, 4)
