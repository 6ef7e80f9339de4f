"""Failures that other libraries have, each kept out by a test."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import NoReturn

import pytest

from medianest.resilience import (
    Bulkhead,
    CircuitBreaker,
    CircuitOpenError,
    Deadline,
    ManualClock,
    MemoryLastGood,
    RetryBudget,
    State,
    SystemClock,
    remaining,
)
from tests.resilience.conftest import Fail, MakeBreaker
from tests.support.narrowing import not_none

HOUR = 3_600.0


class JumpingClock(ManualClock):
    """A clock whose time of day can be set, as an operator or NTP does."""

    jumped = 0.0

    def utc(self) -> datetime:
        return super().utc() + timedelta(seconds=self.jumped)


def test_no_herd_reaches_the_dependency_after_the_wait(
    make_breaker: MakeBreaker, half_open: Fail
) -> None:
    """Keeps out: all callers that waited are let through at once to what just recovers."""
    breaker = make_breaker(half_open_max_calls=3)
    half_open(breaker)
    permits, refused = [], 0
    for _ in range(50):
        try:
            permits.append(breaker.acquire())
        except CircuitOpenError:
            refused += 1
    assert (len(permits), refused) == (3, 47)


def test_a_success_that_began_before_the_opening_does_not_close(
    make_breaker: MakeBreaker, trip: Fail
) -> None:
    """Keeps out: a late success closes a breaker that opened while it ran."""
    breaker = make_breaker()
    early = breaker.acquire()
    trip(breaker)
    early.success()
    assert breaker.state is State.OPEN
    with pytest.raises(CircuitOpenError):
        breaker.call(int)


@pytest.mark.parametrize("result", ["success", "failure"])
def test_a_result_that_began_before_half_open_does_not_decide_the_recovery(
    make_breaker: MakeBreaker, half_open: Fail, result: str
) -> None:
    """Keeps out: a call from before the outage is taken for a probe and closes or opens."""
    breaker = make_breaker(half_open_max_calls=1)
    early = breaker.acquire()
    half_open(breaker)
    probe = breaker.acquire()
    early.success() if result == "success" else early.failure(ConnectionError())
    assert breaker.state is State.HALF_OPEN
    probe.success()
    assert breaker.state is State.CLOSED


def test_late_failures_do_not_prolong_the_open_time(
    make_breaker: MakeBreaker, trip: Fail, clock: ManualClock
) -> None:
    """Keeps out: failures of calls from before the opening start its wait again."""
    breaker = make_breaker(reset_timeout=30)
    early = [breaker.acquire() for _ in range(20)]
    trip(breaker)
    for permit in early:
        clock.advance(1)
        permit.failure(ConnectionError())
    snapshot = breaker.snapshot()
    assert snapshot.retry_after == 10
    assert (snapshot.openings_in_a_row, snapshot.totals.openings) == (1, 1)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interrupt_returns_the_probe_and_passes_unchanged(
    make_breaker: MakeBreaker,
    half_open: Fail,
    interrupt: type[SystemExit] | type[GeneratorExit] | type[KeyboardInterrupt],
) -> None:
    """Keeps out: an interrupt leaks the permit, is replaced by another error, or closes."""
    breaker, error = make_breaker(half_open_max_calls=1), interrupt()
    half_open(breaker)

    def interrupted() -> NoReturn:
        raise error

    for _ in range(3):
        with pytest.raises(interrupt) as caught:
            breaker.call(interrupted)
        assert caught.value is error
        assert breaker.state is State.HALF_OPEN
    assert breaker.snapshot().totals.failures == breaker.options.failure_threshold
    assert breaker.snapshot().in_flight == 0
    breaker.call(int)
    assert breaker.state is State.CLOSED


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_setting_the_time_of_day_changes_nothing(jump: float) -> None:
    """Keeps out: an hour forward opens or closes at once, an hour back makes it stick."""
    clock = JumpingClock()
    breaker = CircuitBreaker("plex", clock=clock, jitter=0, failure_threshold=2)
    breaker.acquire().failure(ConnectionError())
    clock.jumped = jump
    assert breaker.snapshot().counts.failures == 1
    breaker.acquire().failure(ConnectionError())
    assert breaker.state is State.OPEN
    clock.jumped = 0.0
    with pytest.raises(CircuitOpenError) as caught:
        breaker.call(int)
    assert caught.value.retry_after == 30
    clock.jumped = jump
    assert breaker.snapshot().next_attempt == clock.utc() + timedelta(seconds=30)
    clock.advance(29)
    with pytest.raises(CircuitOpenError):
        breaker.call(int)
    clock.advance(1)
    assert breaker.call(int) == 0


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_setting_the_time_of_day_moves_no_deadline_budget_age_or_expiry(jump: float) -> None:
    """Keeps out: the same in the parts around the breaker."""
    clock = JumpingClock()
    store: MemoryLastGood[str] = MemoryLastGood(60, clock=clock)
    budget = RetryBudget(0, 1, clock=clock)
    breaker = CircuitBreaker("plex", clock=clock)
    breaker.open(expires_in=60)
    store.put("key", "answer", store.now())
    assert budget.withdraw()
    with Deadline(5, clock=clock).scope():
        clock.jumped = jump
        assert remaining() == 5
    assert store.get("key") == ("answer", 0)
    assert not budget.withdraw()
    assert breaker.state is State.FORCED_OPEN
    clock.advance(60)
    assert breaker.state is State.CLOSED


def test_the_system_clock_does_not_follow_the_time_of_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps out: durations measured with `time.time`."""
    before = SystemClock().now()
    for jump in (HOUR, -HOUR):
        monkeypatch.setattr("time.time", lambda jump=jump: jump)
        assert 0 <= SystemClock().now() - before < HOUR / 2


@pytest.mark.parametrize("use", ["call", "decorator", "acquire"])
def test_a_refusal_carries_no_history(make_breaker: MakeBreaker, trip: Fail, use: str) -> None:
    """Keeps out: one exception instance raised again and again grows its traceback."""
    breaker = make_breaker()
    trip(breaker)
    uses: dict[str, Callable[[], object]] = {
        "call": lambda: breaker.call(int),
        "decorator": breaker(int),
        "acquire": breaker.acquire,
    }
    frames, seen = set(), set()
    errors = []
    for _ in range(100):
        with pytest.raises(CircuitOpenError) as caught:
            uses[use]()
        error = caught.value
        errors.append(error)
        seen.add(id(error))
        assert (error.__cause__, error.__context__) == (None, None)
        depth, traceback = 0, error.__traceback__
        while traceback is not None:
            depth, traceback = depth + 1, traceback.tb_next
        frames.add(depth)
    assert len(seen) == 100
    assert len(frames) == 1


def test_a_call_that_hangs_blocks_no_other_use(make_breaker: MakeBreaker) -> None:
    """Keeps out: a lock held during the call makes all calls wait for the slowest."""
    breaker, bulkhead = make_breaker(), Bulkhead("plex")
    inside, leave = threading.Event(), threading.Event()

    def hang() -> None:
        inside.set()
        assert leave.wait(10)

    thread = threading.Thread(target=lambda: breaker.call(bulkhead.call, hang))
    thread.start()
    try:
        assert inside.wait(10)
        assert breaker.call(bulkhead.call, int) == 0
        breaker.acquire().success()
        assert breaker.snapshot().in_flight == 1
        breaker.open()
        assert breaker.state is State.FORCED_OPEN
        assert bulkhead.snapshot().in_use == 1
    finally:
        leave.set()
        thread.join(10)


def test_callers_that_wait_the_longest_still_spread(clock: ManualClock) -> None:
    """Keeps out: a cap applied after the jitter gives everyone the same longest wait."""
    random = Random(7).random
    waits = []
    for _ in range(100):
        breaker = CircuitBreaker(
            "plex", clock=clock, random=random, failure_threshold=1, max_reset_timeout=30
        )
        breaker.acquire().failure(ConnectionError())
        waits.append(not_none(breaker.snapshot().retry_after))
    assert len(set(waits)) > 90
    assert min(waits) < 27
    assert max(waits) > 33


def test_a_probe_that_hangs_does_not_block_the_recovery(
    make_breaker: MakeBreaker, half_open: Fail, clock: ManualClock
) -> None:
    """Keeps out: a hung or dead probe keeps the breaker half-open for ever."""
    breaker = make_breaker(half_open_max_calls=1, half_open_timeout=30, backoff_factor=1)
    half_open(breaker)
    hung = breaker.acquire()
    clock.advance(30)
    with pytest.raises(CircuitOpenError):
        breaker.call(int)
    clock.advance(30)
    assert breaker.call(int) == 0
    assert breaker.state is State.CLOSED
    hung.failure(ConnectionError())
    assert breaker.state is State.CLOSED


def run(script: str) -> list[str]:
    """Run a script in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_a_breaker_made_before_a_fork_works_in_the_child() -> None:
    """Keeps out: background threads that a fork loses, so that the child never recovers."""
    script = """
import os
from medianest.resilience import CircuitBreaker, ManualClock, State
clock = ManualClock()
breaker = CircuitBreaker("plex", clock=clock, jitter=0, failure_threshold=1, half_open_max_calls=1)
breaker.acquire().failure(ConnectionError())
child = os.fork()
assert breaker.state is State.OPEN
clock.advance(30)
breaker.call(int)
assert breaker.state is State.CLOSED
if child == 0:
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(script) == ["7"]


def test_importing_and_making_parts_starts_no_thread() -> None:
    """Keeps out: threads before a fork, which deadlock or vanish in the workers."""
    script = """
import threading
from medianest.resilience import Policy, ResilienceService
service = ResilienceService()
service.register_dependency("plex", Policy(timeout=5))
service.execute("plex", int)
print(threading.active_count())
"""
    assert run(script) == ["1"]
