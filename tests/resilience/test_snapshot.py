"""Snapshots: everything about a breaker at one instant, as plain values."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from medianest.resilience import (
    CircuitOpenError,
    Coalesce,
    ManualClock,
    MemoryLastGood,
    Patience,
    State,
)
from medianest.resilience.snapshot import describe
from tests.resilience.conftest import Fail, MakeBreaker
from tests.support.narrowing import not_none


def test_the_snapshot_of_a_new_breaker_says_that_nothing_has_happened(
    make_breaker: MakeBreaker, clock: ManualClock
) -> None:
    snapshot = make_breaker().snapshot()
    assert (snapshot.name, snapshot.state, snapshot.generation) == ("plex", State.CLOSED, 1)
    assert snapshot.since == clock.utc()
    assert (snapshot.next_attempt, snapshot.retry_after, snapshot.expires_at) == (None,) * 3
    assert (snapshot.failure_rate, snapshot.slow_call_rate) == (None, None)
    assert snapshot.last_failure is None
    assert snapshot.latency.p50 is None


def test_counts_are_of_the_period_and_totals_of_the_life(
    make_breaker: MakeBreaker, fail: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(
        failure_threshold=100,
        slow_call_duration_threshold=2,
        ignored_errors=KeyError,
        expected_errors=[ConnectionError],
    )

    def traffic() -> None:
        breaker.call(int)
        breaker.call(clock.advance, 2)
        fail(breaker, 3)
        fail(breaker, 4, KeyError)
        fail(breaker, 5, ValueError)

    traffic()
    clock.advance(120)
    traffic()
    snapshot = breaker.snapshot().as_dict()
    counts = {"successes": 2, "failures": 3, "ignored": 4, "unexpected": 5, "slow": 1}
    assert snapshot["counts"] == {**counts, "rejected": 0}
    doubled = {name: 2 * number for name, number in counts.items()}
    assert snapshot["totals"] == {**doubled, "rejected": 0, "openings": 0}
    assert snapshot["failure_rate"] == pytest.approx(3 / 5)
    assert snapshot["slow_call_rate"] == pytest.approx(1 / 5)


def test_refusals_are_counted_by_state_and_in_all(
    make_breaker: MakeBreaker, trip: Fail, half_open: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(half_open_max_calls=1)

    def refuse(times: int) -> None:
        for _ in range(times):
            with pytest.raises(CircuitOpenError):
                breaker.call(int)

    trip(breaker)
    refuse(3)
    clock.advance(30)
    probe = breaker.acquire()
    refuse(2)
    snapshot = breaker.snapshot()
    assert (snapshot.counts.rejected, snapshot.totals.rejected) == (2, 5)
    probe.success()
    assert breaker.snapshot().counts.rejected == 0
    assert breaker.snapshot().totals.rejected == 5


def test_an_open_breaker_says_when_it_will_try_again(
    make_breaker: MakeBreaker, trip: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker(reset_timeout=30)
    trip(breaker)
    clock.advance(10)
    snapshot = breaker.snapshot()
    assert snapshot.retry_after == 20
    assert snapshot.next_attempt == clock.utc() + timedelta(seconds=20)
    clock.advance(100)
    snapshot = breaker.snapshot()
    assert (snapshot.retry_after, snapshot.next_attempt) == (0, clock.utc())


def test_the_last_failure_is_told_by_type_message_and_time(
    make_breaker: MakeBreaker, fail: Fail, clock: ManualClock
) -> None:
    breaker = make_breaker()
    fail(breaker, 1, lambda: ConnectionError("no route"))
    at = clock.utc()
    clock.advance(5)
    last = not_none(breaker.snapshot().last_failure)
    assert (last.type, last.message, last.at) == ("ConnectionError", "no route", at)


def test_errors_that_were_not_counted_as_failures_are_not_the_last_failure(
    make_breaker: MakeBreaker, fail: Fail
) -> None:
    breaker = make_breaker(expected_errors=ConnectionError)
    fail(breaker, 1, ValueError)
    assert breaker.snapshot().last_failure is None


def test_latencies_are_those_of_the_calls(make_breaker: MakeBreaker, clock: ManualClock) -> None:
    breaker = make_breaker()
    for milliseconds in range(1, 101):
        breaker.call(clock.advance, milliseconds / 1_000)
    latency = breaker.snapshot().latency
    assert latency.p50 == pytest.approx(0.050)
    assert latency.p95 == pytest.approx(0.095)
    assert latency.p99 == pytest.approx(0.099)
    assert latency.max == pytest.approx(0.1)


def test_calls_in_flight_are_counted_while_they_run(make_breaker: MakeBreaker) -> None:
    breaker = make_breaker()
    seen = []
    breaker.call(breaker.call, lambda: seen.append(breaker.snapshot().in_flight))
    assert seen == [2]
    assert breaker.snapshot().in_flight == 0


@pytest.mark.parametrize("state", list(State))
def test_a_snapshot_is_json_in_every_state(
    make_breaker: MakeBreaker, half_open: Fail, trip: Fail, state: State
) -> None:
    breaker = make_breaker(expected_errors=[ConnectionError, "5xx"])
    bring: dict[State, Callable[[], object]] = {
        State.OPEN: lambda: trip(breaker),
        State.HALF_OPEN: lambda: (half_open(breaker), breaker.call(int)),
        State.FORCED_OPEN: lambda: breaker.open("why", expires_in=60, actor="kim"),
        State.DISABLED: lambda: breaker.disable("why", expires_in=60, actor="kim"),
    }
    bring.get(state, breaker.close)()
    document = json.loads(json.dumps(breaker.snapshot().as_dict(), allow_nan=False))
    assert document["state"] == state.value
    assert document["since"].endswith("Z")
    assert set(document["latency"]) == {"p50", "p95", "p99", "max"}
    if state in (State.FORCED_OPEN, State.DISABLED):
        assert document["expires_at"] == "2026-01-01T00:01:00.000Z"


def test_flights_and_patience_are_told_as_plain_values(
    store: MemoryLastGood[str], coalesce: Coalesce, clock: ManualClock
) -> None:
    told = coalesce.snapshot().as_dict()
    assert told == {"name": "plex", "in_flight": 0, "flights": 0, "shared": 0, "rejected": 0}
    patience = Patience(2, last_good=store, name="shelf", clock=clock)
    assert patience.snapshot().as_dict() == {"name": "shelf", "seconds": 2, "used": 0}


def test_what_databases_cannot_hold_is_told_in_another_way() -> None:
    assert describe(ValueError("half \ud800 and nul \0.")) == (
        "ValueError",
        "half ? and nul \ufffd.",
    )
