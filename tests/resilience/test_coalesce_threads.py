"""The threads of flights: started when needed, used again, and in nobody's way."""

from __future__ import annotations

import gc
import os
import signal
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import pytest

from medianest.resilience import (
    Bulkhead,
    BulkheadFullError,
    Coalesce,
    ConfigurationError,
    FlightPool,
    flights,
)
from tests.resilience.flying import Callers, Upstream, joined
from tests.support.waiting import SOON, wait_until


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, RecursionError])
def test_whatever_ends_a_flight_reaches_its_callers_and_harms_no_thread(
    pool: FlightPool, error: Any
) -> None:
    coalesce = Coalesce(pool=pool)

    def broken() -> NoReturn:
        raise error

    for _ in range(2 * pool.max_flights):
        with pytest.raises(error):
            coalesce.call(broken)
    assert coalesce.call(int) == 0
    wait_until(lambda: pool.in_flight == 0)
    assert coalesce.snapshot().rejected == 0


def test_without_a_free_thread_a_caller_makes_the_call_itself(
    upstream: Upstream, callers: Callers
) -> None:
    coalesce = Coalesce(pool=FlightPool(1))
    flying = callers.start(coalesce.call, upstream)
    upstream.wait_for_call()
    assert coalesce.call(threading.get_ident) == threading.get_ident()
    seen = coalesce.snapshot()
    assert (seen.flights, seen.rejected, seen.in_flight) == (1, 1, 1)
    upstream.let_go()
    assert flying.result(SOON) == "answer"


def test_when_the_system_gives_no_thread_a_caller_makes_the_call_itself(
    coalesce: Coalesce, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    for _ in range(10):
        assert coalesce.call(threading.get_ident) == threading.get_ident()
    assert coalesce.pool.in_flight == 0


def test_a_flight_may_ask_its_own_question(coalesce: Coalesce) -> None:
    def ask(depth: int) -> int:
        return depth if depth == 0 else coalesce.call(ask, depth - 1)

    assert coalesce.call(ask, 3) == 0

    def same(state: Any) -> Any:
        state.append(None)
        return len(state) if len(state) > 3 else coalesce.call(same, state)

    keyed = Coalesce(key=lambda *args: "one")
    assert keyed.call(lambda: keyed.call(lambda: keyed.call(lambda: "deep"))) == "deep"


def test_two_flights_may_ask_each_others_question(pool: FlightPool, callers: Callers) -> None:
    """Keeps out: each waits for the other until their deadlines."""
    coalesce = Coalesce(pool=pool, key=lambda name, *rest: name)
    both = threading.Barrier(2, timeout=SOON)

    def ask(name: str, other: str, deep: bool = True) -> str:
        if deep:
            both.wait()
            coalesce.call(ask, other, name, False)
        return name

    asked = [callers.start(coalesce.call, ask, *names) for names in (("a", "b"), ("b", "a"))]
    assert [each.result(SOON) for each in asked] == ["a", "b"]


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_kept_of_a_flight_that_is_over(coalesce: Coalesce, fails: bool) -> None:
    """Keeps out: results and errors that only the garbage collector finds."""

    class OutcomeError(Exception):
        pass

    def ask() -> Exception:
        if fails:
            raise OutcomeError
        return OutcomeError()

    gc.disable()
    try:
        try:
            kept = weakref.ref(coalesce.call(ask))
        except OutcomeError as error:
            kept = weakref.ref(error)
        wait_until(lambda: coalesce.pool.in_flight == 0)
        assert kept() is None
    finally:
        gc.enable()


def test_many_callers_of_many_questions_leave_nothing_behind(pool: FlightPool) -> None:
    coalesce, gate = Coalesce(pool=pool), threading.Barrier(16)

    def ask(number: int) -> int:
        if number % 3 == 0:
            raise ZeroDivisionError(number)
        return number

    def caller(seed: int) -> None:
        gate.wait(SOON)
        for turn in range(300):
            number = (seed * turn) % 7
            if number % 3:
                assert coalesce.call(ask, number) == number
            else:
                with pytest.raises(ZeroDivisionError, match=str(number)):
                    coalesce.call(ask, number)

    with ThreadPoolExecutor(16) as threads:
        for done in [threads.submit(caller, seed) for seed in range(16)]:
            done.result(60)
    wait_until(lambda: pool.in_flight == 0)
    seen = coalesce.snapshot()
    assert seen.flights + seen.shared + seen.rejected == 16 * 300
    assert seen.in_flight == 0


def test_threads_start_when_needed_are_used_again_and_end_on_close() -> None:
    pool = FlightPool(3, name="flight-of-a-test")

    def mine() -> list[threading.Thread]:
        return [each for each in threading.enumerate() if each.name == pool.name]

    coalesce = Coalesce(pool=pool)
    assert mine() == []
    for _ in range(10):
        coalesce.call(int)
        wait_until(lambda: pool.in_flight == 0)
    assert len(mine()) == 1
    assert all(thread.daemon for thread in mine())
    pool.close()
    wait_until(lambda: not mine())
    assert coalesce.call(threading.get_ident) == threading.get_ident()


def test_a_forked_child_has_flights_of_its_own(
    coalesce: Coalesce, upstream: Upstream, callers: Callers
) -> None:
    flying = callers.start(coalesce.call, upstream)
    upstream.wait_for_call()
    for _ in range(3):
        coalesce.call(int)
    pid = os.fork()
    if pid == 0:
        signal.alarm(int(SOON))
        upstream.let_go()
        is_well = coalesce.call(upstream) == "answer" and coalesce.call(int) == 0
        os._exit(0 if is_well and coalesce.snapshot().rejected == 0 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    upstream.let_go()
    assert flying.result(SOON) == "answer"


def test_a_process_ends_though_a_flight_hangs(run_python: Callable[..., str]) -> None:
    run_python(
        "import threading\n"
        "from medianest.resilience import Coalesce, Deadline, DeadlineExceededError\n"
        "coalesce = Coalesce()\n"
        "coalesce.call(int)\n"
        "try:\n"
        "    with Deadline(0.05).scope():\n"
        "        coalesce.call(threading.Event().wait)\n"
        "except DeadlineExceededError:\n"
        "    print('left')\n"
    )


@pytest.mark.parametrize("wrong", [0, True, "many", 10**6])
def test_a_pool_has_a_whole_number_of_threads(wrong: Any) -> None:
    with pytest.raises(ConfigurationError):
        FlightPool(wrong)


def test_callers_of_what_hangs_hold_no_more_threads_than_their_line_has_places(
    pool: FlightPool, upstream: Upstream, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: everybody waits for one call that hangs, and nobody is left for anything else."""
    monkeypatch.setattr(flights, "LONG", 0.05)
    line = Bulkhead("callers", max_concurrent=3)
    coalesce = Coalesce(name="plex", pool=pool, line=line)
    asked = [callers.start(coalesce.call, upstream) for _ in range(10)]
    joined(coalesce, 9)
    wait_until(lambda: sum(each.done() for each in asked) == 7)
    refused = [each for each in asked if each.done()]
    assert all(isinstance(each.exception(SOON), BulkheadFullError) for each in refused)
    upstream.let_go()
    assert {each.result(SOON) for each in asked if each not in refused} == {"answer"}
    assert line.snapshot().in_use == 0


def test_a_line_is_a_bulkhead(pool: FlightPool) -> None:
    with pytest.raises(ConfigurationError, match="line must be a Bulkhead, not 3"):
        Coalesce(line=3, pool=pool)  # type: ignore[arg-type]
