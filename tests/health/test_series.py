"""How calls and requests went, step by step, from totals alone."""

from __future__ import annotations

from typing import Any

import pytest

from medianest.health.ring import Ring, Step
from medianest.health.series import Series
from medianest.health.traffic import NOWHERE, Routes, Traffic
from medianest.resilience import CircuitBreaker, Dependency, ManualClock, Pipeline, Registry

PEOPLE = "/api/v1/media/libraries"


class Followed:
    """A dependency `plex` with operations, two routes, and the series that follows them."""

    def __init__(self, clock: ManualClock, operations: tuple[str, ...] = ("plex.search",)) -> None:
        clock.advance(-clock.now() % 300)  # a long step begins now
        self.clock = clock
        self.registry = Registry(clock=clock)
        options: dict[str, Any] = {"failure_threshold": 1_000, "monitoring_period": 60}
        self.breaker = self.registry.breaker("plex", **options)
        self.operations = [self.registry.breaker(name, **options) for name in operations]
        self.operation = self.operations[0]
        self.registry.add_dependency(
            Dependency("plex", "important", Pipeline("plex", [self.breaker]),
                       operations=tuple(self.operations))
        )  # fmt: skip
        self.traffic = Traffic(clock)
        self.series = Series(self.registry, self.traffic, Routes(list, ("/api/v1/health",)))
        self.series.follow()

    def call(self, number: int, took: float = 0.0, fails: bool = False) -> None:
        for _ in range(number):
            permit = self.breaker.acquire()
            self.clock.advance(took)
            if fails:
                permit.failure(OSError("gone"))
            else:
                permit.success()

    def ask(self, number: int, took: float = 0.0, status: int = 200, route: str = PEOPLE) -> None:
        for _ in range(number):
            self.traffic.end(self.clock.now() - took, "GET", route, status)

    def go_on(self, seconds: float) -> None:
        """As the background job does, every second."""
        for _ in range(round(seconds)):
            self.clock.advance(1)
            self.series.follow()

    @property
    def calls(self) -> list[tuple[int, int] | None]:
        return [step for step in self.series.two_minutes("plex") if step is not None]

    def day(self) -> list[Step]:
        return [step for step in self.series.dependencies("day")["plex"] if step is not None]


@pytest.fixture
def here(clock: ManualClock) -> Followed:
    return Followed(clock)


def test_each_step_has_what_happened_in_it(here: Followed) -> None:
    here.call(3)
    here.call(2, fails=True)
    assert here.calls == []  # the step is not over
    here.go_on(10)
    here.go_on(10)
    here.call(1)
    here.go_on(10)
    assert here.calls == [(5, 2), (0, 0), (1, 0)]
    assert len(here.series.two_minutes("plex")) == 12


def test_the_oldest_steps_go(here: Followed) -> None:
    here.call(7)
    here.go_on(10)
    assert here.calls == [(7, 0)]
    here.go_on(119)
    assert here.calls[0] == (7, 0)
    here.go_on(1)
    assert here.calls == [(0, 0)] * 12
    here.go_on(3600)
    hour = here.series.dependencies("hour")["plex"]
    assert (len(hour), hour[0], hour[-1]) == (360, Step(0, 0), Step(0, 0))


def test_percentiles_are_those_that_the_breaker_knows(here: Followed) -> None:
    here.call(10, took=0.25)
    here.go_on(10)
    here.go_on(10)
    first, second = [step for step in here.series.dependencies("hour")["plex"] if step is not None]
    assert (first.p50, first.p95) == (0.25, 0.25)
    assert (second.p50, second.p95) == (None, None)  # without calls there is nothing to tell


def test_what_fails_in_an_operation_fails_once(here: Followed) -> None:
    """Keeps out: two failures of one call, where the breakers of both see it."""
    here.call(3)
    for _ in range(2):
        here.operation.acquire().failure(OSError("an answer that is an error"))
    here.go_on(10)
    here.call(4, fails=True)
    for _ in range(4):
        here.operation.acquire().failure(OSError("broken off"))
    here.go_on(10)
    assert here.calls == [(3, 2), (4, 4)]


def test_a_breaker_that_was_reset_begins_again(here: Followed) -> None:
    here.call(5, fails=True)
    here.go_on(10)
    here.breaker.reset()
    here.call(2)
    here.go_on(10)
    assert here.calls == [(5, 5), (2, 0)]


def test_all_failures_count_after_a_reset(here: Followed) -> None:
    here.call(20)
    here.call(4, fails=True)
    here.go_on(10)
    here.breaker.reset()
    here.call(6, fails=True)
    here.go_on(10)
    assert here.calls == [(24, 4), (6, 6)]


def test_a_reset_of_one_operation_is_no_failure_of_the_others(clock: ManualClock) -> None:
    """Keeps out: failures of long ago, told again when the totals of all are fewer."""
    here = Followed(clock, operations=("plex.search", "plex.items"))
    search, items = here.operations
    here.call(8)
    for operation in (search, items, search):
        operation.acquire().failure(OSError("an answer that is an error"))
    here.go_on(10)
    items.reset()
    here.call(5)
    here.go_on(10)
    assert here.calls == [(8, 3), (5, 0)]


def test_of_steps_that_nobody_looked_at_nothing_is_known(here: Followed) -> None:
    """A machine that slept, or a pause of all processes."""
    here.call(1)
    here.go_on(10)
    here.call(4)
    here.clock.suspend(40)
    here.series.follow()
    assert here.series.two_minutes("plex")[-5:] == [(1, 0), None, None, None, (4, 0)]
    here.clock.suspend(86400)
    here.series.follow()
    assert here.series.two_minutes("plex") == [None] * 11 + [(0, 0)]


def test_a_long_step_is_thirty_short_ones(here: Followed) -> None:
    here.call(10, took=0.125)
    here.go_on(100)
    here.call(2, took=3.0, fails=True)
    here.go_on(100)
    assert here.day() == []
    here.go_on(300)
    (step, *_) = here.day()
    assert (step.number, step.failed, step.p50, step.p95) == (12, 2, 0.125, 3.0)
    here.call(1)
    here.go_on(300)
    assert [each.number for each in here.day()] == [12, 1]


def test_routes_of_people_are_told_and_no_others(here: Followed) -> None:
    here.ask(8, took=0.2)
    here.ask(2, took=1.0, status=503)
    for route in ("/api/v1/health/live", NOWHERE):
        here.ask(5, route=route)
    here.go_on(10)
    here.ask(1, took=5.0)
    here.go_on(290)
    assert list(here.series.routes("hour")) == [f"GET {PEOPLE}"]
    first, second, third, *_ = (s for s in here.series.hour(f"GET {PEOPLE}") if s is not None)
    assert (first.number, first.failed) == (10, 2)
    assert (first.p50, first.p95) == (pytest.approx(0.2, rel=0.04), pytest.approx(1.0, rel=0.04))
    assert (second.number, second.p50) == (1, pytest.approx(5.0, rel=0.04))
    assert third == Step(0, 0)
    (whole,) = (s for s in here.series.routes("day")[f"GET {PEOPLE}"] if s is not None)
    assert (whole.number, whole.failed) == (11, 2)
    assert whole.p50 == pytest.approx(0.2, rel=0.04)


def test_there_are_never_too_many_routes(here: Followed) -> None:
    for number in range(499):
        here.ask(1, route=f"/{number:03}")
    here.go_on(10)
    for number in range(5):
        here.ask(1, route=f"/{-number}")
    here.go_on(10)
    known = here.series.routes("day")
    assert len(known) == 500
    assert all(f"GET /{number:03}" in known for number in range(499))


def test_its_end_is_that_of_the_last_step(here: Followed, clock: ManualClock) -> None:
    began = clock.utc()
    here.go_on(14)
    assert (here.series.end_at("hour") - began).total_seconds() == 10
    assert (here.series.end_at("day") - began).total_seconds() == 0


def test_what_is_unknown_or_gone_has_no_figures(here: Followed) -> None:
    assert here.series.two_minutes("nas") == [None] * 12
    assert here.series.hour("GET /nowhere") == [None] * 360
    here.go_on(10)
    here.registry.remove_dependency("plex")
    here.go_on(10)
    assert here.series.dependencies("hour") == {}


def test_a_ring_knows_its_own_steps_and_no_others() -> None:
    ring = Ring(3)
    for at in (5, 6, 8):
        ring.put(at, Step(at, 0, 0.5))
    assert ring.read(9, 6) == [None, None, Step(6, 0, 0.5), None, Step(8, 0, 0.5), None]
    ring.put(8, Step(80, 1))
    assert ring.read(8, 1) == [Step(80, 1)]


def test_a_look_within_a_step_asks_nobody(here: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    here.go_on(10)

    def asked() -> Any:
        raise AssertionError

    monkeypatch.setattr(CircuitBreaker, "snapshot", asked)
    here.go_on(9)
