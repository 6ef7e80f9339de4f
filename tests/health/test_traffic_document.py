"""The requests of several processes as one."""

import json
from typing import Any

import pytest

from medianest.health.traffic import Traffic
from medianest.health.traffic_document import document, read_into
from medianest.resilience import ManualClock

ROUTE = "/a"


def asked(traffic: Traffic, clock: ManualClock, *took: float, status: int = 200) -> None:
    for seconds in took:
        began = traffic.begin()
        clock.advance(seconds)
        traffic.end(began, "GET", ROUTE, status)


def shown(traffic: Traffic, clock: ManualClock) -> Any:
    """As it comes out of a file."""
    return json.loads(json.dumps(document(traffic, clock.now())))


def test_the_sum_is_what_one_process_would_have_counted(clock: ManualClock) -> None:
    one, two, alone, whole = (Traffic(clock) for _ in range(4))
    for number in range(40):
        took, status = 0.01 * number, 500 if number % 8 == 0 else 200
        at = clock.now()
        for traffic in (one if number % 3 else two, alone):
            traffic.begin()
            traffic.end(at - took, "GET", ROUTE, status)
        clock.advance(2.5)
    for traffic in (one, two):
        read_into(whole, shown(traffic, clock), clock.now())
    assert whole.figures() == alone.figures()
    (summed,), (expected,) = whole.routes(), alone.routes()
    counts, seconds, statuses = summed.histogram()
    assert (counts, statuses) == (expected.histogram()[0], expected.histogram()[2])
    assert seconds == pytest.approx(expected.histogram()[1])


def test_it_began_with_the_first_and_what_goes_on_is_that_of_the_living(clock: ManualClock) -> None:
    one = Traffic(clock)
    clock.advance(100)
    two, whole = Traffic(clock), Traffic(clock)
    one.begin()
    for _ in range(2):
        two.begin()
    read_into(whole, shown(one, clock), clock.now())
    read_into(whole, shown(two, clock), clock.now(), is_over=True)
    assert (whole.started_at, whole.in_flight) == (one.started_at, 1)


def test_of_the_dead_the_last_minute_goes_and_the_sum_stays(clock: ManualClock) -> None:
    dead, whole = Traffic(clock), Traffic(clock)
    asked(dead, clock, 0.1, 0.2)
    kept = shown(dead, clock)
    clock.advance(70)
    read_into(whole, kept, clock.now(), is_over=True)
    minute, ever = whole.figures()
    assert (minute.requests, ever.requests) == (0, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"routes": [["GET", ROUTE]]},
        {"routes": [["GET", 5, {}, [], [0, 0, 0, 0, []], []]]},
        {"routes": [["GET", ROUTE, {}, [0], [0, 0, 0, 0, []], []]]},
        {"routes": [["GET", ROUTE, {"x": 1}, [], [0, 0, 0, 0, []], []]]},
        {"routes": [["GET", ROUTE, {}, [], [0, 0, -1, 0, []], []]]},
        {"routes": 5},
        {"in_flight": -1},
        {"in_flight": True},
        {"started_at": float("nan")},
        {"started_at": None},
    ],
)
def test_what_cannot_be_understood_adds_nothing(clock: ManualClock, change: Any) -> None:
    whole, other = Traffic(clock), Traffic(clock)
    asked(other, clock, 0.1)
    with pytest.raises(ValueError, match=r"."):
        read_into(whole, {**shown(other, clock), **change}, clock.now())
    assert (whole.routes(), whole.in_flight) == ([], 0)


@pytest.mark.parametrize("bad", [None, [], "text", {}])
def test_what_is_no_document_adds_nothing(clock: ManualClock, bad: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_into(Traffic(clock), bad, clock.now())
