"""The score: 100 less what each thing costs, and why."""

from __future__ import annotations

import itertools

import pytest

from medianest.health import CheckResult, Status
from medianest.health.score import POINTS, Score
from medianest.resilience import Criticality, ManualClock
from tests.health.conftest import WORDS
from tests.health.watching import World


@pytest.fixture
def world(clock: ManualClock) -> World:
    return World(clock, hold=0)


def score(world: World) -> Score:
    return Score.of(*world.observer.observe(), world.manager.firing())


def component(world: World, name: str, criticality: Criticality, letter: str) -> None:
    finding = CheckResult(WORDS[letter], f"{name} says {letter}")
    world.check(name, lambda: finding, criticality=criticality)


def test_where_all_is_well_nothing_is_taken_off(world: World) -> None:
    world.depend("plex")
    component(world, "memory", "important", "H")
    world.checks()
    assert score(world) == Score(100, "excellent", ())


@pytest.mark.parametrize(
    ("criticality", "letter"), list(itertools.product(["critical", "important", "optional"], "D?U"))
)
def test_each_thing_costs_what_it_is_worth(
    world: World, criticality: Criticality, letter: str
) -> None:
    component(world, "thing", criticality, letter)
    world.checks()
    points = POINTS[WORDS[letter]][criticality]
    found = score(world)
    assert found.score == 100 - points
    (deduction,) = found.deductions
    assert (deduction.what, deduction.points) == ("thing", points)
    assert deduction.why == f"{WORDS[letter].value}: thing says {letter}"


def test_the_worse_and_the_more_needed_the_more_it_costs() -> None:
    for status, costs in POINTS.items():
        assert costs["critical"] > costs["important"] > costs["optional"] > 0, status
    for criticality in costs:
        falling = [POINTS[s][criticality] for s in sorted(POINTS, key=lambda s: s.severity_rank)]
        assert falling == sorted(set(falling))


@pytest.mark.parametrize(
    ("things", "points", "rating"),
    [
        ("D", 90, "excellent"),
        ("DD?", 75, "good"),
        ("DDD", 70, "fair"),
        ("UU?D", 45, "poor"),
        ("UUU?D", 25, "poor"),
        ("UUUUU", 0, "critical"),
        ("UUUUUUUU", 0, "critical"),
    ],
)
def test_the_rating_goes_with_the_score(
    world: World, things: str, points: int, rating: str
) -> None:
    for number, letter in enumerate(things):
        component(world, f"thing {number}", "important", letter)
    world.checks()
    found = score(world)
    assert (found.score, found.rating) == (points, rating)
    assert found.score == max(0, 100 - sum(d.points for d in found.deductions))


def test_the_dearest_comes_first(world: World) -> None:
    component(world, "a", "optional", "?")
    component(world, "b", "critical", "U")
    world.checks()
    assert [deduction.what for deduction in score(world).deductions] == ["b", "a"]


def test_what_nobody_has_looked_at_yet_costs(world: World) -> None:
    """Keeps out: the best score of all before anybody has looked."""
    world.depend("plex")
    component(world, "memory", "critical", "U")
    found = {deduction.what: deduction for deduction in score(world).deductions}
    assert {name: each.points for name, each in found.items()} == {"plex": 5, "memory": 10}
    assert {each.why for each in found.values()} == {"unknown: not checked yet"}


def test_without_what_is_critical_no_system_is_even_fair(world: World) -> None:
    component(world, "database", "critical", "U")
    world.checks()
    assert (score(world).score, score(world).rating) == (40, "poor")


def test_a_monitor_that_nobody_runs_costs(world: World, clock: ManualClock) -> None:
    clock.advance(16)
    (deduction,) = score(world).deductions
    assert (deduction.what, deduction.points) == ("health-monitor", 20)


def test_an_open_breaker_costs_what_its_dependency_does(world: World) -> None:
    world.depend("db", "critical")
    world.checks()
    world.registry.breaker("db").open("moving")
    (deduction,) = score(world).deductions
    assert (deduction.points, deduction.why) == (
        60,
        "unhealthy: an operator has opened its circuit breaker: moving",
    )


def test_alerts_about_answers_cost_and_those_about_parts_do_not_cost_twice(world: World) -> None:
    world.depend("plex")
    world.down = {"plex"}
    for _ in range(3):
        world.checks()
    world.ask("/about", 500, took=3.0, times=50)
    world.manager.evaluate()
    assert len(world.manager.firing()) == 3
    found = {deduction.what: deduction.points for deduction in score(world).deductions}
    assert found == {"plex": 20, "error-rate of system": 15, "response-time of system": 5}


def test_a_check_that_hangs_from_the_first_on_costs(world: World, clock: ManualClock) -> None:
    with world.hanging("memory", "important") as begin:
        begin()
        clock.advance(5)
        world.monitor.beat()
        assert world.monitor.component("memory").status is Status.UNHEALTHY
        (deduction,) = score(world).deductions
        assert (deduction.points, deduction.what) == (20, "memory")
