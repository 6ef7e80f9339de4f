"""Coalesce around what hangs, and around questions that change while they are answered."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from medianest.resilience import (
    Bulkhead,
    CallOverdueError,
    Coalesce,
    Deadline,
    DeadlineExceededError,
    FlightPool,
    ManualClock,
    MemoryLastGood,
    Patience,
    Pipeline,
    Place,
    flights,
    remaining,
)
from tests.resilience.flying import Callers, Upstream
from tests.support.waiting import SOON, wait_until


@pytest.fixture(params=["coalesce", "patience"])
def strategy(request: pytest.FixtureRequest, pool: FlightPool) -> Patience | Coalesce:
    """Either of those that make calls in other threads."""
    if request.param == "coalesce":
        return Coalesce(name="order", pool=pool)
    return Patience(0, name="order", last_good=MemoryLastGood(60), pool=pool)


def test_a_call_that_hangs_is_not_joined_for_ever(
    pool: FlightPool, clock: ManualClock, upstream: Upstream, callers: Callers
) -> None:
    """Keeps out: one call that never ended kept everybody from an answer until the restart."""
    coalesce = Coalesce(name="plex", timeout=10, pool=pool, clock=clock)
    hanging = callers.start(coalesce.call, upstream)
    upstream.wait_for_call()
    clock.advance(10.5)  # the time in which it may still say itself that it took too long
    second = callers.start(coalesce.call, upstream)
    wait_until(lambda: coalesce.snapshot().shared == 1)
    clock.advance(1)
    third = callers.start(coalesce.call, upstream)
    upstream.wait_for_call()
    assert coalesce.snapshot().in_flight == 2
    upstream.let_go(2)
    assert third.result(SOON) == "answer"
    for each in (hanging, second):
        # A thread that came to its wait only after the clock was set finds its flight overdue.
        assert isinstance(each.exception(SOON), CallOverdueError | None)
    wait_until(lambda: coalesce.snapshot().in_flight == 0)
    assert len(upstream.calls) == 2


def test_nobody_waits_longer_than_a_flight_may_take(
    pool: FlightPool, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flights, "_GRACE", 0.05)
    coalesce = Coalesce(name="plex", timeout=0.05, pool=pool)
    with pytest.raises(DeadlineExceededError, match="plex"):
        coalesce.call(upstream)
    upstream.let_go()


def test_who_is_let_go_is_told_that_the_call_was_made(
    strategy: Patience | Coalesce, upstream: Upstream
) -> None:
    """Keeps out: "could not be called" of an order that is being made."""
    with Deadline(0.05).scope(), pytest.raises(CallOverdueError) as caught:
        strategy.call(upstream)
    assert str(caught.value) == "'order' did not answer before the deadline; the call goes on"
    upstream.let_go()


def test_without_time_no_call_is_made_and_that_is_said(
    strategy: Patience | Coalesce, clock: ManualClock, upstream: Upstream
) -> None:
    with Deadline(1, clock=clock).scope():
        clock.advance(2)
        with pytest.raises(DeadlineExceededError) as caught:
            strategy.call(upstream)
    assert str(caught.value) == "the deadline passed before 'order' could be called"
    assert not upstream.calls


def test_a_flight_whose_own_threads_ask_its_question_ends(
    pool: FlightPool, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: both wait for each other, as threads do not inherit that they are in a flight."""
    monkeypatch.setattr(flights, "_GRACE", 0.05)
    coalesce = Coalesce(name="plex", key=lambda: "one", timeout=0.1, pool=pool)

    def asks_itself() -> Any:
        return callers.start(coalesce.call, asks_itself).result(SOON)

    with pytest.raises(DeadlineExceededError):
        coalesce.call(asks_itself)


def test_where_nothing_is_said_a_flight_has_half_a_minute(
    pool: FlightPool, clock: ManualClock
) -> None:
    store: MemoryLastGood[str] = MemoryLastGood(60, clock=clock)
    for strategy in (
        Coalesce(pool=pool, clock=clock),
        Patience(1, last_good=store, pool=pool, clock=clock),
    ):
        assert strategy.call(remaining) == 30.0


def test_of_patience_alone_no_call_is_waited_for_longer_either(
    pool: FlightPool, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flights, "_GRACE", 0.05)
    patience = Patience(0.01, last_good=MemoryLastGood(60), timeout=0.05, pool=pool)
    with pytest.raises(DeadlineExceededError):
        patience.call(upstream)
    upstream.let_go()


@dataclass(unsafe_hash=True)
class Page:
    """Changes while it is read, as a method may change its own object."""

    number: object

    def read(self, becomes: Callable[[], object]) -> str:
        found, self.number = f"page {self.number}", becomes()
        return found


@pytest.mark.parametrize("becomes", [int, list], ids=["another hash", "no hash"])
def test_a_question_that_changes_meanwhile_is_answered(
    pool: FlightPool, becomes: Callable[[], object]
) -> None:
    """Keeps out: callers that wait for ever, and None in the place of an answer."""
    coalesce = Coalesce(name="pages", pool=pool)
    page = Page(1)
    for _ in range(3):
        page.number = 1
        with Deadline(SOON).scope():
            assert coalesce.call(page.read, becomes) == "page 1"
    assert coalesce.snapshot().in_flight == 0
    assert coalesce.snapshot().flights == 3


def test_the_wait_for_a_place_in_the_line_is_part_of_the_wait(
    pool: FlightPool, clock: ManualClock, upstream: Upstream, callers: Callers
) -> None:
    """Keeps out: a caller with four seconds left that waits for six."""

    class SlowLine(Bulkhead):
        def acquire(self) -> Place:
            clock.advance(4)
            return super().acquire()

    coalesce = Coalesce(name="plex", pool=pool, line=SlowLine("line"), clock=clock)
    began = time.monotonic()
    with Deadline(4, clock=clock).scope(), pytest.raises(DeadlineExceededError):
        coalesce.call(upstream)
    assert time.monotonic() - began < flights.LONG + 1
    upstream.let_go()


def test_who_finds_no_place_in_the_line_takes_the_answer_that_came_meanwhile(
    pool: FlightPool, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flights, "LONG", 0.01)
    full = Bulkhead("line", max_concurrent=1)
    full.acquire()

    class Line(Bulkhead):
        def acquire(self) -> Any:
            upstream.let_go()
            wait_until(lambda: coalesce.snapshot().in_flight == 0)
            return full.acquire()

    coalesce = Coalesce(name="plex", pool=pool, line=Line("line"))
    assert coalesce.call(upstream) == "answer"


def test_a_forked_child_counts_none_of_its_parents_flights(
    pool: FlightPool, upstream: Upstream, callers: Callers
) -> None:
    coalesce = Coalesce(name="plex", pool=pool)
    pipeline = Pipeline("plex", [coalesce])
    flying = callers.start(pipeline.call, upstream)
    upstream.wait_for_call()
    pid = os.fork()
    if pid == 0:
        signal.alarm(int(SOON))
        os._exit(coalesce.snapshot().in_flight)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    upstream.let_go()
    assert flying.result(SOON) == "answer"
