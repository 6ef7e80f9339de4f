"""Many threads at once: nothing is lost, nothing is counted twice, nobody waits for a lock."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, NoReturn

import pytest

from medianest.resilience import (
    Bulkhead,
    CircuitBreaker,
    CircuitOpenError,
    Fallback,
    ManualClock,
    Pipeline,
    Retry,
    RetryBudget,
    State,
)
from tests.resilience.conftest import Fail, MakeBreaker
from tests.support.narrowing import not_none

PATIENCE = 30.0
THREADS, CALLS = 8, 10_000


@pytest.fixture(autouse=True)
def restless() -> Iterator[None]:
    """Threads take turns much more often than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def together(number: int, work: Callable[..., Any]) -> None:
    """Run `work(index)` in so many threads that start at the same moment; re-raise errors."""
    start, errors = threading.Barrier(number), []

    def run(index: int) -> None:
        try:
            start.wait(PATIENCE)
            work(index)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


def counting_breaker(**options: Any) -> CircuitBreaker:
    return CircuitBreaker("plex", failure_threshold=10**9, monitoring_period=3_600, **options)


def test_of_fifty_callers_after_the_wait_only_the_probes_arrive(
    make_breaker: MakeBreaker, half_open: Fail
) -> None:
    breaker = make_breaker(half_open_max_calls=3)
    half_open(breaker)
    arrived, refused, leave = threading.Semaphore(0), threading.Semaphore(0), threading.Event()
    arrivals, retry_afters = [], []

    def slow_dependency() -> None:
        arrivals.append(threading.get_ident())
        arrived.release()
        assert leave.wait(PATIENCE)

    def call(_: int) -> None:
        try:
            breaker.call(slow_dependency)
        except CircuitOpenError as error:
            retry_afters.append(not_none(error.retry_after))
            refused.release()

    def let_go() -> None:
        for semaphore, times in ((refused, 47), (arrived, 3)):
            for _ in range(times):
                semaphore.acquire(timeout=PATIENCE)
        leave.set()

    watcher = threading.Thread(target=let_go, daemon=True)
    watcher.start()
    together(50, call)
    watcher.join(PATIENCE)
    assert (len(arrivals), len(retry_afters)) == (3, 47)
    assert min(retry_afters) > 0
    assert breaker.state is State.CLOSED


def test_not_one_of_many_failures_is_lost() -> None:
    breaker = counting_breaker()

    def broken() -> NoReturn:
        raise ConnectionError

    def fail(_: int) -> None:
        for _ in range(CALLS):
            try:
                breaker.call(broken)
            except ConnectionError:
                pass

    together(THREADS, fail)
    snapshot = breaker.snapshot()
    assert snapshot.counts.failures == THREADS * CALLS
    assert snapshot.consecutive_failures == THREADS * CALLS
    assert (snapshot.totals.failures, snapshot.in_flight) == (THREADS * CALLS, 0)


def test_not_one_of_many_successes_is_lost_while_another_thread_looks() -> None:
    breaker, done = counting_breaker(), threading.Event()

    def look() -> None:
        while not done.is_set():
            breaker.snapshot()

    def succeed(_: int) -> None:
        for _ in range(CALLS):
            breaker.call(int)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        together(THREADS, succeed)
    finally:
        done.set()
        looking.join(PATIENCE)
    snapshot = breaker.snapshot()
    assert snapshot.counts.successes == THREADS * CALLS
    assert (snapshot.totals.successes, snapshot.in_flight) == (THREADS * CALLS, 0)


def test_not_one_of_many_refusals_is_lost() -> None:
    breaker = CircuitBreaker("plex")
    breaker.open()
    protected = breaker(int)

    def knock(index: int) -> None:
        for _ in range(2_000):
            with pytest.raises(CircuitOpenError):
                protected() if index % 2 else breaker.call(int)

    together(THREADS, knock)
    assert breaker.snapshot().counts.rejected == THREADS * 2_000


class CustomInterrupt(BaseException):
    pass


INTERRUPTS = [KeyboardInterrupt, SystemExit, GeneratorExit, CustomInterrupt]
EVERY_KIND = [None, ConnectionError, *INTERRUPTS]


def test_exceptions_of_every_kind_lose_no_permit_no_place_and_no_budget() -> None:
    breaker, bulkhead = counting_breaker(), Bulkhead("plex", max_concurrent=THREADS)
    budget = RetryBudget(ratio=0, reserve=1_000_000)
    retry = Retry(max_attempts=2, initial_delay=0, budget=budget)
    pipeline = Pipeline("plex", [Fallback(value=None), retry, breaker, bulkhead])
    rounds = 300

    def work(index: int) -> None:
        for number in range(rounds * len(EVERY_KIND)):
            kind = EVERY_KIND[(index + number) % len(EVERY_KIND)]

            def call(kind: Any = kind) -> None:
                if kind is not None:
                    raise kind

            raises = pytest.raises(kind) if kind in INTERRUPTS else nullcontext()
            with raises:
                pipeline.call(call)

    together(THREADS, work)
    each = THREADS * rounds
    snapshot = breaker.snapshot()
    assert (snapshot.in_flight, bulkhead.snapshot().in_use) == (0, 0)
    assert (snapshot.counts.successes, snapshot.counts.failures) == (each, 2 * each)
    assert snapshot.counts.ignored == 0
    assert budget.snapshot()["retries"] == each  # only Exceptions were made again


@pytest.mark.parametrize("kind", INTERRUPTS)
def test_an_interrupted_probe_gives_its_lease_back(
    make_breaker: MakeBreaker, half_open: Fail, kind: Any
) -> None:
    breaker = make_breaker(half_open_max_calls=2)
    half_open(breaker)

    def interrupted() -> NoReturn:
        raise kind

    def probe(_: int) -> None:
        for _ in range(50):
            with pytest.raises(kind):
                breaker.call(interrupted)

    together(2, probe)
    assert breaker.state is State.HALF_OPEN
    assert breaker.snapshot().in_flight == 0
    with breaker.acquire():  # both places at once
        breaker.call(int)
    assert breaker.state is State.CLOSED


def test_a_bulkhead_with_waiting_threads_loses_no_wake_up_and_no_place() -> None:
    bulkhead = Bulkhead("plex", max_concurrent=3, max_wait=PATIENCE)
    inside, most = [], []

    def call() -> None:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0)  # lets another thread in
        inside.pop()

    def work(_: int) -> None:
        for _ in range(300):
            bulkhead.call(call)

    together(16, work)
    snapshot = bulkhead.snapshot()
    assert (snapshot.in_use, snapshot.waiting, snapshot.rejected) == (0, 0, 0)
    assert len(most) == 16 * 300
    assert max(most) <= 3
    assert snapshot.peak == 3


def test_all_who_wait_get_in_when_as_many_places_are_given_back() -> None:
    bulkhead = Bulkhead("plex", max_concurrent=4, max_wait=PATIENCE)
    places = [bulkhead.acquire() for _ in range(4)]
    meeting = threading.Barrier(4)

    def work(index: int) -> None:
        if index < 4:
            bulkhead.call(meeting.wait, PATIENCE)  # passes only when all four are inside
            return
        while bulkhead.snapshot().waiting < 4:
            time.sleep(0)
        for place in places:
            place.release()

    together(5, work)
    assert bulkhead.snapshot().in_use == 0


def test_no_lock_is_held_during_a_call(make_breaker: MakeBreaker, clock: ManualClock) -> None:
    pipeline = Pipeline("plex", [Retry(clock=clock), make_breaker(), Bulkhead("plex")])
    meeting = threading.Barrier(2)
    together(2, lambda _: pipeline.call(meeting.wait, PATIENCE))


def test_of_two_threads_that_settle_one_permit_one_does() -> None:
    breaker = counting_breaker()
    permits = [breaker.acquire() for _ in range(500)]
    step = threading.Barrier(2)

    def settle(index: int) -> None:
        for permit in permits:
            step.wait(PATIENCE)
            permit.success() if index else permit.failure(ConnectionError())

    together(2, settle)
    snapshot = breaker.snapshot()
    assert snapshot.counts.successes + snapshot.counts.failures == 500
    assert snapshot.in_flight == 0


def test_of_two_threads_that_release_one_place_one_does() -> None:
    bulkhead = Bulkhead("plex", max_concurrent=500)
    places = [bulkhead.acquire() for _ in range(500)]
    step = threading.Barrier(2)

    def release(_: int) -> None:
        for place in places:
            step.wait(PATIENCE)
            place.release()

    together(2, release)
    assert repr(bulkhead) == "<Bulkhead 'plex' 500/500 free>"
