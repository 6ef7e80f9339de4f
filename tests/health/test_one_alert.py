"""One outage is one alert: everything that follows from it is told with it, not beside it."""

from __future__ import annotations

import pytest

from medianest.health import Status
from medianest.resilience import ManualClock, State
from tests.health.watching import World


@pytest.fixture
def world(clock: ManualClock) -> World:
    world = World(clock, cool_down=60)
    world.depend("plex", service="plex-api")
    world.depend("db", "critical")
    world.depend("shop", "optional", depends_on=["db"])
    return world


def people(world: World) -> None:
    """Two calls and some requests each second; a request fails when its call does."""
    for route, name in (("/libraries", "plex"), ("/requests", "shop")):
        for _ in range(2):
            slow = 6.0 if name in world.broken else 0.1
            world.ask(route, 200 if world.call(name) else 503, took=slow)
    world.ask("/about", took=0.1)


def test_where_all_is_well_nothing_is_told(world: World) -> None:
    world.run(300, lambda: people(world))
    assert world.told == []
    assert world.manager.pending() == []


def test_plex_goes_away_and_comes_back(world: World) -> None:
    """Its breaker opens, its calls and the requests of its routes fail and are slow."""
    world.run(125, lambda: people(world))
    world.broken = world.down = {"plex"}
    world.run(300, lambda: people(world))
    assert world.words == [("firing", "dependency-down", "plex")]
    (alert,) = world.told
    assert "plex is down: connection refused" in alert.message
    assert alert.affected == ("GET /libraries",)
    world.broken, world.down = set(), set()
    world.run(400, lambda: people(world))
    assert world.words[1:] == [("resolved", "dependency-down", "plex")]
    assert world.told[1].message == "plex is up again; before: plex is down: connection refused"


@pytest.mark.parametrize("second", range(10))
def test_it_is_one_alert_whenever_it_begins(clock: ManualClock, second: int) -> None:
    world = World(clock)
    world.depend("plex", service="plex-api")
    world.run(60 + second, lambda: world.ask("/libraries", 200 if world.call("plex") else 503))
    world.broken = world.down = {"plex"}
    world.run(200, lambda: world.ask("/libraries", 200 if world.call("plex") else 503))
    assert world.words == [("firing", "dependency-down", "plex")]


@pytest.mark.parametrize("minutes", [2, 10, 30])
def test_a_breaker_that_still_waits_after_the_outage_is_no_alert(
    clock: ManualClock, minutes: int
) -> None:
    """Keeps out: a second alert about Plex when it is well again, as its breaker waits longer each
    time that it opens."""
    world = World(clock)
    names = ("plex", "overseerr", "disk")
    for name in names:
        world.depend(name)

    def ask() -> None:
        for name in names:
            world.call(name)
        world.ask("/about")

    world.run(60, ask)
    world.broken = world.down = set(names)
    world.run(60 * minutes, ask)
    world.broken, world.down = set(), set()
    world.run(600, ask)
    assert sorted(word for word, *_ in world.words) == ["firing"] * 3 + ["resolved"] * 3


def test_calls_that_still_fail_after_the_outage_are_told(clock: ManualClock) -> None:
    world = World(clock)
    world.depend("plex")
    world.broken = world.down = {"plex"}
    world.run(60, lambda: world.call("plex"))
    world.down = set()
    world.run(600, lambda: world.call("plex"))
    assert world.words[-1] == ("firing", "error-rate", "plex")


def test_the_database_takes_what_depends_on_it_along(world: World) -> None:
    world.run(60, lambda: people(world))
    world.broken = world.down = {"db", "shop"}
    world.run(300, lambda: people(world))
    assert world.words == [("firing", "dependency-down", "db")]
    assert world.told[0].affected == ("shop", "GET /requests")
    world.broken, world.down = set(), set()
    world.run(400, lambda: people(world))
    assert world.words[1:] == [("resolved", "dependency-down", "db")]


def test_two_causes_are_two_alerts(world: World) -> None:
    world.run(60, lambda: people(world))
    world.broken = world.down = {"plex", "db"}
    world.run(120, lambda: people(world))
    assert sorted(world.words) == [
        ("firing", "dependency-down", "db"),
        ("firing", "dependency-down", "plex"),
    ]


def test_two_odd_checks_are_told_to_nobody(world: World) -> None:
    world.run(60, lambda: people(world))
    world.down = {"plex"}
    world.run(20, lambda: people(world))
    world.down = set()
    world.run(300, lambda: people(world))
    assert world.told == []


def test_calls_that_fail_though_the_check_passes_are_told_for_themselves(world: World) -> None:
    world.run(60, lambda: people(world))
    world.broken = {"plex"}
    world.run(200, lambda: people(world))
    assert set(world.words) == {("firing", "error-rate", "plex")}
    assert len({alert.id for alert in world.told}) == 1


def test_what_fails_in_the_program_itself_is_told(world: World) -> None:
    world.run(60, lambda: people(world))
    world.run(100, lambda: world.ask("/about", 500, times=5))
    assert world.words == [("firing", "error-rate", "system")]


def test_a_dependency_removed_while_it_is_down_is_over(world: World) -> None:
    world.run(60)
    world.down = {"shop"}
    world.run(60)
    world.registry.remove_dependency("shop")
    world.monitor.remove("shop")
    world.run(10)
    assert world.words == [
        ("firing", "dependency-down", "shop"),
        ("resolved", "dependency-down", "shop"),
    ]
    end = world.told[-1].message
    assert end == "shop is no longer monitored; before: shop is down: connection refused"


def test_what_gets_well_by_degrees_is_let_in_as_well(world: World) -> None:
    """Its breaker waits for up to five minutes, and nobody needs to wait for that."""
    world.run(60, lambda: people(world))
    world.broken = world.down = {"plex"}
    world.run(600, lambda: people(world))
    world.broken, world.down = set(), set()
    world.unwell = {"plex"}
    world.run(30)
    assert world.monitor.component("plex").status is Status.DEGRADED
    assert world.registry.breaker("plex-api").state is State.OPEN
    world.unwell = set()
    world.run(30)
    assert world.registry.breaker("plex-api").state is State.CLOSED


def test_a_check_that_passes_again_proves_nothing_of_an_operation(clock: ManualClock) -> None:
    """The server's breaker closes early; that of the operation waits for its own probe."""
    world = World(clock)
    operation = world.registry.breaker("parts.read", reset_timeout=3600)
    world.depend("parts", operations=[operation])
    world.broken, world.down = {"parts"}, {"parts"}
    for _ in range(5):
        world.call("parts")
        with pytest.raises(ZeroDivisionError):
            operation.call(lambda: 1 / 0)
    for _ in range(3):
        world.checks()
    world.down = set()
    for _ in range(3):
        world.checks()
    assert world.registry.breaker("parts").state is State.CLOSED
    assert operation.state is State.OPEN
