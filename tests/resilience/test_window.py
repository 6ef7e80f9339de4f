"""The sliding window: counts and latencies of the last period."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from medianest.resilience import Outcome
from medianest.resilience.circuit_breaker.window import SLOW, Latency, Window, no_counts

PERIOD = 120.0  # slices of exactly one second


@pytest.fixture
def window() -> Window:
    return Window(PERIOD, 0.0)


def counted(window: Window, now: float) -> list[int]:
    window.fold(now)
    return window.counts


def samples(window: Window) -> int:
    """Durations kept."""
    return sum(len(batch) for _, batch in window.batches()[0])


def test_a_new_window_has_counted_nothing(window: Window) -> None:
    assert counted(window, 0.0) == no_counts()
    assert window.batches() == ([], 0.0)


def test_appended_successes_are_counted_by_the_next_fold(window: Window) -> None:
    window.pending.append(0.1)
    window.pending.append(0.2)
    assert window.counts == no_counts()
    assert window.fold(0.5) == 2
    assert window.counts[Outcome.SUCCESS] == 2
    assert window.fold(0.6) == 0
    assert window.counts[Outcome.SUCCESS] == 2


@pytest.mark.parametrize("outcome", list(Outcome))
def test_each_outcome_is_counted_in_its_own_place(window: Window, outcome: Outcome) -> None:
    window.add(outcome, 0.1, slow=False)
    expected = no_counts()
    expected[outcome] = 1
    assert window.counts == expected


def test_a_slow_call_is_counted_as_slow_too(window: Window) -> None:
    window.add(Outcome.SUCCESS, 5.0, slow=True)
    window.add(Outcome.FAILURE, 5.0, slow=True)
    assert window.counts == [1, 1, 0, 0, 2]
    assert window.counts[SLOW] == 2


def test_a_count_leaves_when_it_is_one_period_old(window: Window) -> None:
    window.fold(10.0)
    window.add(Outcome.FAILURE, 0.1, slow=False)
    assert counted(window, 10.0 + PERIOD - 1)[Outcome.FAILURE] == 1
    assert counted(window, 10.0 + PERIOD)[Outcome.FAILURE] == 0


def test_counts_leave_slice_by_slice(window: Window) -> None:
    for second in range(10):
        window.fold(float(second))
        window.add(Outcome.FAILURE, 0.1, slow=False)
    for second in range(10):
        assert counted(window, PERIOD + second)[Outcome.FAILURE] == 9 - second


def test_a_success_appended_before_a_long_pause_is_not_counted_as_new(window: Window) -> None:
    window.pending.append(0.1)
    assert window.fold(PERIOD + 1) == 1
    assert window.counts == no_counts()
    assert window.retired[Outcome.SUCCESS] == 1


def test_nothing_that_leaves_is_lost_to_the_totals(window: Window) -> None:
    for second in range(300):
        window.pending.append(0.01)
        window.fold(float(second))
        window.add(Outcome(second % 4), 0.1, slow=second % 2 == 0)
    total = [kept + gone for kept, gone in zip(window.counts, window.retired, strict=True)]
    assert total == [300 + 75, 75, 75, 75, 150]


def test_percentiles_are_by_nearest_rank(window: Window) -> None:
    for milliseconds in range(1, 101):
        window.add(Outcome.SUCCESS, milliseconds / 1000, slow=False)
    assert Latency.of(*window.batches()) == Latency(p50=0.05, p95=0.095, p99=0.099, max=0.1)


def test_there_is_no_latency_without_calls() -> None:
    assert Latency.of([], 0.0) == Latency(None, None, None, None)


def test_the_longest_call_is_exact_among_many_quick_ones(window: Window) -> None:
    for number in range(10_000):
        window.pending.append(0.04 if number == 7_777 else 0.001)
    window.fold(0.05)
    latency = Latency.of(*window.batches())
    assert latency.max == 0.04
    assert latency.p50 == 0.001


def test_the_longest_call_leaves_with_its_slice(window: Window) -> None:
    window.add(Outcome.FAILURE, 9.0, slow=False)
    window.fold(60.0)
    window.add(Outcome.SUCCESS, 1.0, slow=False)
    window.fold(PERIOD)
    assert Latency.of(*window.batches()).max == 1.0


def test_ignored_and_unexpected_errors_have_no_latency(window: Window) -> None:
    window.add(Outcome.IGNORED, 1.0, slow=False)
    window.add(Outcome.UNEXPECTED, 1.0, slow=False)
    assert window.batches() == ([], 0.0)


def test_every_appended_success_has_its_weight_in_the_percentiles(window: Window) -> None:
    for _ in range(1_000):
        window.pending.append(0.001)
    window.fold(0.05)
    window.add(Outcome.FAILURE, 5.0, slow=False)
    assert Latency.of(*window.batches()).p99 == 0.001
    assert sum(weight * len(batch) for weight, batch in window.batches()[0]) == 1_001


def test_many_failures_in_one_slice_take_bounded_memory(window: Window) -> None:
    for number in range(5_000):
        window.add(Outcome.FAILURE, number / 1000, slow=False)
    batches, longest = window.batches()
    assert samples(window) <= 256
    assert longest == 4.999
    assert Latency.of(batches, longest).p50 == pytest.approx(2.5, rel=0.2)
    assert window.counts[Outcome.FAILURE] == 5_000


def test_many_folds_in_one_slice_take_bounded_memory() -> None:
    # A slice of an hour's window lasts half a minute and is folded every 50 ms.
    window = Window(3_600.0, 0.0)
    for number in range(2_000):
        window.pending.append(0.001)
        window.fold(number / 100)
    assert samples(window) <= 256
    assert window.counts[Outcome.SUCCESS] == 2_000


def test_a_success_appended_at_any_moment_of_a_fold_is_counted_once(window: Window) -> None:
    appended = 0

    def append_meanwhile(frame: Any, event: str, argument: int | None) -> Callable[..., Any] | None:
        nonlocal appended
        if frame.f_code is Window.fold.__code__:
            window.pending.append(0.001)
            appended += 1
            return append_meanwhile
        return None

    before = sys.gettrace()
    sys.settrace(append_meanwhile)
    try:
        for second in range(10):
            window.fold(float(second))
    finally:
        sys.settrace(before)
    assert appended > 20
    assert counted(window, 10.0)[Outcome.SUCCESS] == appended
