"""The report: one look at everything, fresh to the second, and at once after a change."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from medianest.health import CheckResult, Status
from medianest.health.report import Reporter
from medianest.resilience import CircuitBreakerOptions, ManualClock, State
from medianest.resilience.cascade import CascadeMonitor
from tests.health.watching import World
from tests.support.narrowing import not_none


@pytest.fixture
def world(clock: ManualClock) -> World:
    world = World(clock, hold=0)
    world.depend("db", "critical")
    world.depend("plex", service="plex-api")
    world.check("memory", lambda: CheckResult(detail={"share": 0.5, "limited_by": "machine"}))
    world.checks()
    world.manager.evaluate()
    return world


@pytest.fixture
def reporter(world: World) -> Reporter:
    cascade = CascadeMonitor(world.registry)
    return Reporter(world.observer, world.manager, cascade, lambda: {"db": {"failures": 1}})


def test_it_has_everything(world: World, reporter: Reporter) -> None:
    world.ask("/about", times=3)
    world.traffic.begin()
    found = reporter.report()
    assert (found.status, found.score.score) == (Status.HEALTHY, 100)
    assert [d.name for d in found.dependencies] == ["db", "plex"]
    assert [c.name for c in found.components] == ["memory", "health-monitor"]
    assert [b.name for b in found.breakers] == ["db", "plex-api"]
    assert [b.name for b in found.bulkheads] == ["db", "plex-api"]
    assert (found.minute.requests, found.since_start.requests, found.in_flight) == (3, 3, 1)
    assert found.recovery == {"db": {"failures": 1}}
    assert (found.firing, found.pending, found.recommendations) == ((), (), ())


def test_it_is_the_same_for_a_second(world: World, reporter: Reporter, clock: ManualClock) -> None:
    first = reporter.report()
    world.ask("/about")
    clock.advance(0.99)
    assert reporter.report() is first
    clock.advance(0.01)
    second = reporter.report()
    assert (second.minute.requests, second.at > first.at) == (1, True)


def test_a_breaker_that_changes_is_seen_at_once(world: World, reporter: Reporter) -> None:
    reporter.report()
    world.registry.breaker("db").open()
    found = reporter.report()
    assert (found.status, found.breakers[0].state) == (Status.UNHEALTHY, State.FORCED_OPEN)


def test_a_check_that_changes_is_seen_at_once(world: World, reporter: Reporter) -> None:
    assert reporter.report().status is Status.HEALTHY
    world.down = {"plex"}
    for _ in range(3):
        world.checks()
    assert reporter.report().status is Status.DEGRADED


def test_an_alert_is_seen_at_once(world: World, reporter: Reporter) -> None:
    reporter.report()
    world.ask("/about", 500, times=50)
    world.manager.evaluate()
    found = reporter.report()
    assert found.status is Status.DEGRADED
    assert [alert.key for alert in found.firing] == ["error-rate:system"]
    assert found.recommendations[0].startswith("100.0% of the requests fail: check")


def test_a_dependency_of_which_a_critical_alert_tells_is_not_well(
    world: World, reporter: Reporter, clock: ManualClock
) -> None:
    """Keeps out: "healthy" beside an alert about nine of ten calls that fail."""
    world.depend("shop", circuit_breaker=CircuitBreakerOptions(failure_threshold=1000))
    world.checks()
    world.broken = {"shop"}
    for _ in range(30):
        world.call("shop")
    world.manager.evaluate()
    clock.advance(5)
    shop = reporter.report().dependencies[-1]
    assert (shop.status, shop.message) == (Status.DEGRADED, "100.0% of the calls to shop fail")
    assert shop.since == clock.utc() - timedelta(seconds=5)
    assert reporter.report().status is Status.DEGRADED


def test_a_status_has_been_since_it_changed(
    world: World, reporter: Reporter, clock: ManualClock
) -> None:
    """Keeps out: "since" of the check, while the breaker has made the status."""
    began = clock.utc()
    breaker = world.registry.breaker("plex-api")
    clock.advance(60)
    world.checks()
    world.broken = {"plex"}
    for _ in range(5):
        world.call("plex")
    opened = clock.utc()
    world.observer.observe()  # as the alerts do, every few seconds
    for _ in range(3):  # open, half open, and open again is one trouble
        clock.advance(not_none(breaker.snapshot().retry_after))
        world.checks()
        world.call("plex")
        plex = reporter.report().dependencies[1]
        assert (plex.status, plex.since) == (Status.DEGRADED, opened)
    assert reporter.report().dependencies[0].since == began
    clock.advance(not_none(breaker.snapshot().retry_after))
    world.broken = set()
    while breaker.state is not State.CLOSED:
        world.call("plex")
    world.checks()
    plex = reporter.report().dependencies[1]
    assert (plex.status, plex.since) == (Status.HEALTHY, clock.utc())


def test_what_changes_while_it_is_made_is_not_hidden_for_a_second(world: World) -> None:
    breaker = world.registry.breaker("db")
    meanwhile = iter([breaker.open])
    cascade = CascadeMonitor(world.registry)
    reporter = Reporter(
        world.observer, world.manager, cascade, lambda: next(meanwhile, dict)() or {}
    )
    assert not_none(reporter.report().dependencies[0].breaker).state is State.CLOSED
    assert not_none(reporter.report().dependencies[0].breaker).state is State.FORCED_OPEN


def test_it_tells_of_each_breaker_what_it_tells_of_its_dependency(
    world: World, reporter: Reporter
) -> None:
    """Keeps out: two looks at one breaker that differ, while calls go on."""
    done = threading.Event()

    def calls() -> None:
        while not done.is_set():
            world.call("db")

    thread = threading.Thread(target=calls)
    thread.start()
    try:
        for _ in range(50):
            reporter.forget()
            found = reporter.report()
            assert found.breakers[0] is found.dependencies[0].breaker
    finally:
        done.set()
        thread.join(10)


def test_the_most_urgent_is_told_first_and_nothing_twice(world: World, reporter: Reporter) -> None:
    world.check("queue", lambda: CheckResult(Status.DEGRADED, "2 could not be done", {"dead": 2}))
    world.down = {"plex"}
    for _ in range(3):
        world.checks()
    world.registry.breaker("db").open("moving")
    world.manager.evaluate()
    advice = reporter.report().recommendations
    assert advice[0].startswith("plex is down: connection refused: check that plex is running")
    assert advice[1].startswith("2 deferred operations could not be done")
    assert advice[2] == "an operator holds circuit breaker db open (moving): enable it to end that"
    assert len(advice) == 3


def test_what_is_down_again_within_its_cool_down_is_told_first_all_the_same(
    world: World, reporter: Reporter
) -> None:
    """Keeps out: nobody is notified twice, so the page said nothing of Plex for five minutes."""
    for down in ({"plex"}, set(), {"plex"}):
        world.down = down
        for _ in range(3):
            world.checks()
            world.manager.evaluate()
    found = reporter.report()
    assert (found.firing, [alert.state for alert in found.troubles]) == ((), ["pending"])
    assert found.recommendations[0].startswith("plex is down: connection refused")


def test_what_is_down_without_an_alert_is_told_before_what_is_busy(
    world: World, reporter: Reporter
) -> None:
    """Keeps out: weather does not work; next: the processors are busy."""
    world.check("cpu", lambda: CheckResult(Status.DEGRADED, "the processors are busy"))
    world.checks()
    world.registry.breaker("plex-api").open("moving")
    told = reporter.report().recommendations
    assert (
        told[0].startswith("an operator holds circuit breaker plex-api open (moving): "),
        told[1],
    ) == (
        True,
        "cpu: the processors are busy",
    )


def test_what_may_fire_for_the_first_time_is_no_trouble_yet(clock: ManualClock) -> None:
    world = World(clock, hold=30)
    world.check("queue", lambda: CheckResult(Status.DEGRADED, "2 could not be done", {"dead": 2}))
    world.checks()
    world.manager.evaluate()
    assert (len(world.manager.pending()), world.manager.again()) == (1, [])


def test_a_critical_component_that_hangs_from_the_first_on_counts(
    world: World, reporter: Reporter, clock: ManualClock
) -> None:
    with world.hanging("disk", "critical") as begin:
        assert reporter.report().status is Status.UNKNOWN  # nobody has looked at it
        begin()
        clock.advance(5)
        world.monitor.beat()
        assert reporter.report().status is Status.UNHEALTHY


def test_a_monitor_that_stalls_degrades_the_whole(
    world: World, reporter: Reporter, clock: ManualClock
) -> None:
    world.monitor.beat()
    clock.advance(16)
    found = reporter.report()
    assert found.status is Status.DEGRADED
    assert any("no heartbeat" in advice for advice in found.recommendations)


def test_an_optional_one_does_nothing_to_the_whole(world: World, reporter: Reporter) -> None:
    world.depend("shop", "optional")
    world.down = {"shop"}
    world.checks()
    assert reporter.report().status is Status.HEALTHY
