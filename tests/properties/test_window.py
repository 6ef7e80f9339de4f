"""The window counts what a list of everything that happened counts."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from medianest.resilience import Outcome
from medianest.resilience.circuit_breaker.window import SLICES, SLOW, Latency, Window
from tests.support.narrowing import not_none

PERIOD = 120.0
WIDTH = PERIOD / SLICES

QUICK = "quick"  # a success appended without a lock
Step = tuple[float, Outcome | str | None, bool]
HAPPENING: st.SearchStrategy[Outcome | str | None] = st.sampled_from([QUICK, *Outcome]) | st.none()


def run(
    steps: list[Step],
) -> tuple[Window, float, list[tuple[float, Outcome, bool]]]:
    """The window at the end, its time, and a list of all that happened."""
    window = Window(PERIOD, 0.0)
    happened: list[tuple[float, Outcome, bool]] = []
    now = 0.0
    for now, (_, what, slow) in zip(accumulate(step[0] for step in steps), steps, strict=True):
        window.fold(now)
        if what == QUICK:
            window.pending.append(0.001)
            happened.append((now, Outcome.SUCCESS, False))
        elif isinstance(what, Outcome):
            window.add(what, 1.0, slow)
            happened.append((now, what, slow))
    window.fold(now)
    return window, now, happened


def naive(happened: list[tuple[float, Outcome, bool]], after: float) -> list[int]:
    counts = [0, 0, 0, 0, 0]
    for at, outcome, slow in happened:
        if at > after:
            counts[outcome] += 1
            counts[SLOW] += slow
    return counts


def steps(
    advance: st.SearchStrategy[Any],
) -> st.SearchStrategy[list[Step]]:
    return st.lists(st.tuples(advance, HAPPENING, st.booleans()), min_size=1, max_size=80)


@settings(max_examples=300, deadline=None)
@given(steps(st.sampled_from([0, 0, 1, 2, 3, 7, 59, 60, 119, 120, 121])))
def test_on_slice_boundaries_the_counts_are_exact(
    steps: list[Step],
) -> None:
    window, now, happened = run(steps)
    assert window.counts == naive(happened, now - PERIOD)


@settings(max_examples=300, deadline=None)
@given(steps(st.floats(0, 150, allow_nan=False)))
def test_between_slice_boundaries_the_counts_are_exact_to_one_slice(
    steps: Any,
) -> None:
    window, now, happened = run(steps)
    surely = naive(happened, now - PERIOD + WIDTH)
    at_most = naive(happened, now - PERIOD - WIDTH)
    for low, counted, high in zip(surely, window.counts, at_most, strict=True):
        assert low <= counted <= high


@settings(max_examples=200, deadline=None)
@given(steps(st.floats(0, 150, allow_nan=False)))
def test_what_has_left_and_what_is_there_are_everything(
    steps: Any,
) -> None:
    window, _, happened = run(steps)
    everything = [kept + gone for kept, gone in zip(window.counts, window.retired, strict=True)]
    assert everything == naive(happened, -1.0)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 0.05), min_size=1, max_size=400), st.integers(1, 50))
def test_percentiles_are_durations_that_occurred_in_rising_order(
    durations: list[float], batch: int
) -> None:
    window = Window(PERIOD, 0.0)
    for start in range(0, len(durations), batch):
        for took in durations[start : start + batch]:
            window.pending.append(took)
        window.fold(0.0)
    latency = Latency.of(*window.batches())
    assert latency.max == max(durations)
    assert {latency.p50, latency.p95, latency.p99} <= set(durations)
    found = (latency.p50, latency.p95, latency.p99, latency.max)
    assert list(map(not_none, found)) == sorted(map(not_none, found))
