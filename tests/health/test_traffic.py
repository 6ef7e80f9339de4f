"""What requests do: figures of the last minute and since the start, exact where they can be."""

from __future__ import annotations

import math
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medianest.health.traffic import BOUNDS, Routes, Traffic
from medianest.resilience import ManualClock


@pytest.fixture
def traffic(clock: ManualClock) -> Traffic:
    return Traffic(clock)


def ask(
    traffic: Traffic,
    clock: ManualClock,
    took: float = 0.0,
    status: int = 200,
    route: str = "/a",
    method: str = "GET",
) -> None:
    began = traffic.begin()
    clock.advance(took)
    traffic.end(began, method, route, status)


def exact(durations: list[float], share: float) -> float:
    """By nearest rank."""
    ordered = sorted(durations)
    return ordered[max(1, math.ceil(share * len(ordered))) - 1]


def test_where_nothing_was_asked_nothing_is_told(traffic: Traffic) -> None:
    minute, ever = traffic.figures()
    assert minute == ever
    assert (minute.requests, minute.errors, minute.requests_per_second) == (0, 0, 0.0)
    assert (minute.error_rate, minute.mean, minute.p50, minute.p95, minute.max) == (None,) * 5


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0.0005, 600), min_size=1, max_size=150))
def test_percentiles_are_those_of_all_durations_to_4_percent(durations: list[float]) -> None:
    clock = ManualClock(0.0)
    traffic = Traffic(clock)
    for number, took in enumerate(durations):
        now = clock.now()
        traffic.end(now - took, "GET", f"/{number % 3}", 200)
    minute, ever = traffic.figures()
    assert minute.requests == len(durations)
    assert minute.mean == pytest.approx(sum(durations) / len(durations), abs=1e-6)
    assert minute.max == pytest.approx(max(durations), abs=1e-6)
    for found, share in ((minute.p50, 0.50), (minute.p95, 0.95), (minute.p99, 0.99)):
        assert found == pytest.approx(exact(durations, share), rel=0.04, abs=1e-6)
    assert (ever.p50, ever.p99) == (minute.p50, minute.p99)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0, 12), min_size=1, max_size=60))
def test_the_last_minute_is_55_to_60_seconds(waits: list[float]) -> None:
    clock = ManualClock()
    traffic = Traffic(clock)
    asked = []
    for wait in waits:
        clock.advance(wait)
        asked.append(clock.now())
        ask(traffic, clock)
    clock.advance(20)
    minute, ever = traffic.figures()
    ages = [clock.now() - at for at in asked]
    assert sum(age < 54.999 for age in ages) <= minute.requests <= sum(age <= 60 for age in ages)
    assert ever.requests == len(waits)


def test_what_is_asked_at_a_steady_rate_is_told_as_one(
    traffic: Traffic, clock: ManualClock
) -> None:
    """Keeps out: a rate that sinks by a twelfth whenever a slice of the minute goes."""
    rates = set()
    for second in range(300):
        clock.advance(0.25)
        ask(traffic, clock)
        if second > 250:
            rates.add(traffic.figures()[0].requests_per_second)
    assert max(rates) - min(rates) < 0.1
    assert all(rate == pytest.approx(4, abs=0.1) for rate in rates)


def test_what_is_over_a_minute_ago_counts_since_the_start_only(
    traffic: Traffic, clock: ManualClock
) -> None:
    ask(traffic, clock, 0.1, 500)
    clock.advance(54)
    assert traffic.figures()[0].requests == 1
    clock.advance(5)
    assert traffic.figures()[0].requests == 1
    clock.advance(1.5)
    minute, ever = traffic.figures()
    assert (minute.requests, minute.error_rate) == (0, None)
    assert (ever.requests, ever.error_rate) == (1, 1.0)
    ask(traffic, clock)
    assert traffic.figures()[0].errors == 0


def test_errors_are_answers_from_500_on(traffic: Traffic, clock: ManualClock) -> None:
    for status in (200, 304, 404, 429, 499, 500, 503, 599):
        ask(traffic, clock, status=status)
    minute, _ = traffic.figures()
    assert (minute.requests, minute.errors, minute.error_rate) == (8, 3, 0.375)


def test_the_rate_is_over_the_time_that_there_was(traffic: Traffic, clock: ManualClock) -> None:
    for _ in range(30):
        ask(traffic, clock, 1.0)
    minute, ever = traffic.figures()
    assert (minute.requests_per_second, ever.requests_per_second) == (1.0, 1.0)
    clock.advance(90)
    minute, ever = traffic.figures()
    assert (minute.requests_per_second, ever.requests_per_second) == (0.0, 0.25)


def test_figures_of_some_routes_are_theirs_alone(traffic: Traffic, clock: ManualClock) -> None:
    ask(traffic, clock, 0.1, route="/a")
    ask(traffic, clock, 0.2, 500, route="/b")
    ask(traffic, clock, 0.3, route="/b", method="POST")
    assert [(r.method, r.route) for r in traffic.routes()] == [
        ("GET", "/a"), ("GET", "/b"), ("POST", "/b"),
    ]  # fmt: skip
    some = [route for route in traffic.routes() if route.route == "/b"]
    assert traffic.figures(some)[0].requests == 2
    assert traffic.figures(some)[0].errors == 1
    assert traffic.figures([])[0].requests == 0


def test_what_is_being_answered_is_in_flight(traffic: Traffic, clock: ManualClock) -> None:
    first, second = traffic.begin(), traffic.begin()
    assert traffic.in_flight == 2
    assert traffic.figures()[0].requests == 0
    traffic.end(first, "GET", "/a", 200)
    assert traffic.in_flight == 1
    traffic.end(second, "GET", "/a", 200)
    assert (traffic.in_flight, traffic.in_flight) == (0, 0)


def test_the_histogram_has_each_request_in_the_first_range_that_it_fits(
    traffic: Traffic, clock: ManualClock
) -> None:
    for took in (0.0, BOUNDS[0], 0.0051, 30.0, 31.0):
        now = clock.now()
        traffic.end(now - took, "GET", "/a", 200)
    (route,) = traffic.routes()
    counts, seconds, statuses = route.histogram()
    assert counts == [2, 1] + [0] * (len(BOUNDS) - 3) + [1, 1]
    assert seconds == pytest.approx(61.0101)
    assert statuses == {200: 5}


def test_many_threads_lose_no_request() -> None:
    traffic, clock = Traffic(ManualClock()), ManualClock()
    together = threading.Barrier(8)

    def work(number: int) -> None:
        together.wait(10)
        for _ in range(500):
            ask(traffic, clock, status=500 if number == 0 else 200, route=f"/{number % 2}")
            traffic.figures()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    minute, ever = traffic.figures()
    assert (minute.requests, ever.requests, ever.errors, traffic.in_flight) == (4000, 4000, 500, 0)
    assert sum(sum(route.histogram()[0]) for route in traffic.routes()) == 4000


def test_what_comes_in_is_that_of_the_last_minute(traffic: Traffic, clock: ManualClock) -> None:
    assert traffic.incoming(traffic.routes()).error_rate is None
    clock.advance(60 - clock.now() % 5)
    for number in range(40):
        ask(traffic, clock, status=500 if number < 10 else 200, route=f"/{number % 2}")
    one, both = traffic.routes()[:1], traffic.routes()
    minute, _ = traffic.figures(both)
    found = traffic.incoming(both)
    assert (found.requests_per_second, found.error_rate) == (minute.requests_per_second, 0.25)
    assert traffic.incoming(one).requests_per_second == pytest.approx(
        found.requests_per_second / 2, abs=0.001
    )
    clock.advance(60)
    assert traffic.incoming(both).requests_per_second == 0.0


def test_the_front_page_is_no_traffic_of_people(traffic: Traffic, clock: ManualClock) -> None:
    """Keeps out: "/" among the looks, and every route begins with that."""
    for route in ("/", "/queue", "/api/v1/media/libraries"):
        ask(traffic, clock, route=route)
    routes = Routes(list, ("/", "/queue"))
    serving = [each.route for each in traffic.routes() if routes.serves_people(each)]
    assert serving == ["/api/v1/media/libraries"]
