"""Of alerts that belong together the cause is told: what is down, and not what suffers from it."""

from __future__ import annotations

import re

import pytest

from medianest.health.thresholds import Severity
from medianest.resilience import ManualClock
from tests.health.explaining import CRITICAL, WARNING, explained
from tests.health.watching import World


@pytest.mark.parametrize(
    ("name", "severity", "affected"),
    [
        ("plex", WARNING, ("GET /libraries",)),
        ("db", CRITICAL, ("shop", "GET /requests")),
        ("shop", WARNING, ("GET /requests",)),
    ],
)
def test_a_dependency_that_is_down_names_all_that_suffer(
    world: World, name: str, severity: Severity, affected: tuple[str, ...]
) -> None:
    world.down = {name}
    for _ in range(2):
        world.checks()
        assert world.severity("dependency-down", name) is None
    world.checks()
    found = world.read()["dependency-down", name]
    assert (found.severity, found.affected, found.skip_hold) == (severity, affected, True)
    assert found.message == f"{name} is down: connection refused"
    assert found.inhibited_by is None


def test_its_calls_are_explained_from_the_first_failed_check_on(world: World) -> None:
    world.broken = world.down = {"plex"}
    for _ in range(20):
        world.call("plex")
    assert explained(world) == {("error-rate", "plex"): None}
    world.checks()
    assert explained(world) == {("error-rate", "plex"): "plex"}


def test_what_was_down_a_minute_ago_still_explains_its_figures(world: World) -> None:
    for number in range(40):
        world.broken = {"plex"} if number % 5 == 0 else set()
        world.call("plex")
    assert explained(world) == {("error-rate", "plex"): None}
    assert explained(world, ["dependency-down:plex"]) == {("error-rate", "plex"): "plex"}


def test_requests_of_a_route_whose_dependency_is_in_trouble_are_explained(world: World) -> None:
    world.ask("/libraries", 502, times=50)
    assert world.severity("error-rate") is CRITICAL
    world.down = {"plex"}
    world.checks()
    assert world.severity("error-rate") is None
    world.ask("/about", 500, times=20)
    assert world.severity("error-rate") is CRITICAL  # these it does not explain


def test_what_an_operator_switched_off_explains_its_requests(world: World) -> None:
    world.registry.breaker("plex-api").open("moving house")
    world.ask("/libraries", 503, times=50)
    assert explained(world) == {}


def test_of_what_an_operator_holds_open_the_advice_names_the_operator(world: World) -> None:
    """Keeps out: the advice to look for a server that somebody has taken away to move it."""
    world.down = {"plex"}
    for _ in range(3):
        world.checks()
    breaker = world.registry.breaker("plex-api")
    breaker.open("moving house", actor="ann", expires_in=600)
    found = world.read()["dependency-down", "plex"]
    assert found.message == "plex is down: connection refused"
    assert re.fullmatch(
        r"ann holds circuit breaker plex-api open until [\d-]+ [\d:]+ UTC \(moving house\): "
        "enable it to end that",
        found.advice,
    )
    breaker.enable()
    assert world.read()["dependency-down", "plex"].advice.startswith("check that plex is running")


def test_an_operation_that_an_operator_holds_open_explains_its_requests(clock: ManualClock) -> None:
    world = World(clock)
    breakers = [world.registry.breaker(f"plex.{name}") for name in "ab"]
    world.depend("plex", service="plex-api", operations=breakers)
    breakers[0].open("moving house")
    world.ask("/libraries", 503, times=50)
    assert explained(world) == {}


def test_breakers_that_operators_hold_open_have_no_other_cause(world: World) -> None:
    """Keeps out: a search for a fault of the network in what operators did."""
    for name in ("w", "db"):
        world.registry.breaker(name).open("moving", actor="ann")
    told = world.read()["breakers-open", "system"].advice
    assert [each.split(" open")[0] for each in sorted(told.split("; "))] == [
        "ann holds circuit breaker db",
        "ann holds circuit breaker w",
    ]
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            world.registry.breaker("x").call(lambda: 1 / 0)
    told = world.read()["breakers-open", "system"].advice
    assert told.endswith("check what they have in common: the network, DNS, a recent change")


def test_a_breaker_that_is_open_though_the_check_passes_is_told(world: World) -> None:
    world.broken = {"plex"}
    for _ in range(5):
        world.call("plex")
    found = world.read()["error-rate", "plex"]
    assert (found.severity, found.value) == (CRITICAL, 1.0)
    assert "plex is blocked: its check passes, but its calls fail" in found.message


def test_what_depends_on_what_is_down_is_explained_by_it(world: World) -> None:
    world.down = {"db", "shop"}
    for _ in range(3):
        world.checks()
    found = explained(world)
    assert found == {("dependency-down", "db"): None, ("dependency-down", "shop"): "db"}


def test_the_furthest_cause_is_to_blame(world: World) -> None:
    world.depend("disk", "critical")
    world.depend("store", "optional", depends_on=["disk"])
    world.depend("page", "optional", depends_on=["store", "plex"])
    world.down = {"disk", "store", "page", "plex"}
    for _ in range(3):
        world.checks()
    found = explained(world)
    assert found["dependency-down", "page"] == "disk"
    assert found["dependency-down", "store"] == "disk"
    assert found["dependency-down", "disk"] is None
    assert world.read()["dependency-down", "disk"].affected == ("store", "page")


@pytest.mark.parametrize("rule", ["dependency-down", "dependency-trouble"])
def test_a_dependency_that_nobody_looks_at_is_neither_down_nor_up(
    world: World, clock: ManualClock, rule: str
) -> None:
    world.down = {"plex"}
    for _ in range(3):
        world.checks()
    clock.advance(60)
    found = world.read()[rule, "plex"]
    assert (found.severity, found.has_data) == (None, False)


def test_a_graph_with_many_ways_through_it_is_read_quickly(clock: ManualClock) -> None:
    """Keeps out: 2**30 steps for thirty layers of two that depend on both below them."""
    world = World(clock)
    above: list[str] = []
    for layer in range(30):
        names = [f"a{layer}", f"b{layer}"]
        for name in names:
            world.depend(name, "optional", depends_on=above)
        above = names
    world.down = {"a0"}
    for _ in range(3):
        world.checks()
    assert len(world.read()["dependency-down", "a0"].affected) == 58
    assert world.read()["dependency-down", "b29"].inhibited_by == "a0"
