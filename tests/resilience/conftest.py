"""Circuit breakers on the manual clock, and the ways to make them fail and recover."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from medianest.resilience import (
    CircuitBreaker,
    Coalesce,
    ErrorRecoveryManager,
    FlightPool,
    ManualClock,
    MemoryLastGood,
    Recovery,
    RecoveryContext,
    Retry,
    State,
)
from tests.resilience.flying import Callers, Upstream
from tests.resilience.recovering import SHELF, Shop

MakeBreaker = Callable[..., CircuitBreaker]
Fail = Callable[..., None]


@pytest.fixture
def make_breaker(clock: ManualClock) -> MakeBreaker:
    """Makes breakers whose jitter is drawn in the middle: the wait is what the options say."""

    def make(name: str = "plex", **options: Any) -> CircuitBreaker:
        options.setdefault("random", lambda: 0.5)
        return CircuitBreaker(name, clock=clock, **options)

    return make


@pytest.fixture
def fail() -> Fail:
    """`fail(breaker, times, error)` makes calls that raise `error`."""

    def fail_calls(
        breaker: CircuitBreaker, times: int = 1, error: Callable[[], Exception] = ConnectionError
    ) -> None:
        def broken() -> None:
            raise error()

        for _ in range(times):
            with pytest.raises(type(error())):
                breaker.call(broken)

    return fail_calls


@pytest.fixture
def trip(fail: Fail) -> Fail:
    """`trip(breaker)` fails calls until the breaker is open."""

    def trip_it(breaker: CircuitBreaker) -> None:
        fail(breaker, breaker.options.failure_threshold)
        assert breaker.state is State.OPEN

    return trip_it


@pytest.fixture
def half_open(trip: Fail, clock: ManualClock) -> Fail:
    """`half_open(breaker)` brings it to where the next call is a probe."""

    def bring(breaker: CircuitBreaker) -> None:
        trip(breaker)
        retry_after = breaker.snapshot().retry_after
        assert retry_after is not None
        clock.advance(retry_after)

    return bring


@pytest.fixture
def manager(clock: ManualClock) -> ErrorRecoveryManager:
    return ErrorRecoveryManager(clock=clock)


@pytest.fixture
def act(manager: ErrorRecoveryManager) -> Callable[..., list[Any]]:
    """`act(name, priority, answer)` registers an action; its result is the list of its runs."""

    def register(name: str, priority: int, answer: Any, **options: Any) -> list[Any]:
        runs = []

        def execute(error: BaseException, context: RecoveryContext) -> Any:
            runs.append((error, context))
            result = answer(error, context) if callable(answer) else answer
            if isinstance(result, Exception):
                raise result
            return result

        manager.register_recovery_action(name, priority, execute=execute, **options)
        return runs

    return register


@pytest.fixture
def run_python() -> Callable[..., str]:
    """Runs a program in a process of its own, which must end well and soon; its output."""

    def run(program: str, seconds: float = 30.0) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=seconds
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def recovery(manager: ErrorRecoveryManager, clock: ManualClock) -> Recovery:
    return Recovery(
        manager,
        service="shop",
        operation=SHELF,
        last_good=MemoryLastGood(3600, clock=clock),
        key=lambda name: (name,),
        arguments=("name",),
        handles=ConnectionError,
        stale=lambda answer, age, error: (answer, age),
    )


@pytest.fixture
def ask(recovery: Recovery, shop: Shop) -> Callable[..., Any]:
    return lambda name="films": recovery.call(shop.shelf, name)


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def callers() -> Iterator[Callers]:
    callers = Callers()
    yield callers
    callers.close()


@pytest.fixture
def pool() -> Iterator[FlightPool]:
    pool = FlightPool(4)
    yield pool
    pool.close()


@pytest.fixture
def coalesce(pool: FlightPool) -> Coalesce:
    return Coalesce(name="plex", pool=pool)


@pytest.fixture
def store(clock: ManualClock) -> MemoryLastGood[Any]:
    return MemoryLastGood(60, clock=clock)


@pytest.fixture
def make_retry(clock: ManualClock) -> Callable[..., Retry]:
    def make(**options: Any) -> Retry:
        options.setdefault("random", lambda: 1.0)
        return Retry(clock=clock, **options)

    return make
