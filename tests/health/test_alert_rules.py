"""The rules: each threshold at its exact border, and one alert for one cause."""

from __future__ import annotations

import pytest

from medianest.health import CheckResult
from medianest.health.thresholds import Severity
from medianest.resilience import CircuitBreaker, ManualClock
from tests.health.explaining import CRITICAL, WARNING, explained
from tests.health.watching import World


@pytest.mark.parametrize(
    ("errors", "severity"), [(0, None), (5, None), (6, WARNING), (10, WARNING), (11, CRITICAL)]
)
def test_the_error_rate_of_requests(world: World, errors: int, severity: Severity | None) -> None:
    world.ask("/about", 500, times=errors)
    world.ask("/about", 200, times=100 - errors)
    assert world.severity("error-rate") is severity
    reading = world.read()["error-rate", "system"]
    assert reading.value == errors / 100
    assert reading.threshold == (0.10 if severity is CRITICAL else 0.05)


@pytest.mark.parametrize(("took", "severity"), [(1.9, None), (2.1, WARNING), (5.2, CRITICAL)])
def test_the_response_time_is_that_of_the_slowest_5_percent(
    world: World, took: float, severity: Severity | None
) -> None:
    world.ask("/about", took=0.01, times=94)
    world.ask("/about", took=took, times=6)
    assert world.severity("response-time") is severity
    world.ask("/about", took=0.01, times=40)
    assert world.severity("response-time") is None


def test_few_requests_are_not_judged(world: World) -> None:
    world.ask("/about", 500, took=60, times=19)
    assert (world.severity("error-rate"), world.severity("response-time")) == (None, None)
    world.ask("/about", 500, took=60)
    assert (world.severity("error-rate"), world.severity("response-time")) == (CRITICAL, CRITICAL)


def test_probes_and_looks_of_operators_do_not_count(world: World) -> None:
    world.ask("/health", 503, took=60, times=100)
    assert world.severity("error-rate") is None
    world.ask("/about", 500, times=10)
    assert world.severity("error-rate") is None


@pytest.mark.parametrize(
    ("failures", "severity"), [(5, None), (6, WARNING), (10, WARNING), (11, CRITICAL)]
)
def test_the_error_rate_of_calls(world: World, failures: int, severity: Severity | None) -> None:
    for number in range(100):
        world.broken = {"plex"} if number % 9 == 0 and number // 9 < failures else set()
        world.call("plex")
    found = world.read()["error-rate", "plex"]
    assert (found.value, found.severity) == (failures / 100, severity)


@pytest.mark.parametrize(
    ("took", "severity"), [(2.0, None), (2.1, WARNING), (5.0, WARNING), (5.1, CRITICAL)]
)
def test_the_response_time_of_calls(world: World, took: float, severity: Severity | None) -> None:
    for number in range(20):
        world.call("plex", took if number < 2 else 0.0)
    assert world.severity("response-time", "plex") is severity


def test_few_calls_are_not_judged(world: World) -> None:
    world.broken = {"plex"}
    for number in range(19):
        world.broken = {"plex"} if number % 5 == 0 else set()
        world.call("plex", 6.0 if number % 2 else 0.0)
    assert world.severity("error-rate", "plex") is None
    assert world.severity("response-time", "plex") is None


@pytest.mark.parametrize(
    ("share", "severity"), [(0.75, None), (0.7501, WARNING), (0.9, WARNING), (0.9001, CRITICAL)]
)
def test_memory(world: World, share: float, severity: Severity | None) -> None:
    world.check("memory", lambda: CheckResult(detail={"share": share, "limited_by": "container"}))
    assert not world.read()["memory", "system"].has_data
    world.checks()
    found = world.read()["memory", "system"]
    assert (found.severity, found.value) == (severity, share)
    assert "memory of the container" in found.message


@pytest.mark.parametrize(
    ("number", "severity"),
    [(0, None), (1, None), (2, WARNING), (3, WARNING), (4, CRITICAL)],
)
def test_open_breakers(world: World, number: int, severity: Severity | None) -> None:
    for name in "wxyz"[:number]:
        breaker = world.registry.breaker(name)
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                breaker.call(lambda: 1 / 0)
    found = world.read()["breakers-open", "system"]
    assert (found.severity, found.value) == (severity, number)
    assert found.message.endswith(": " + ", ".join("wxyz"[:number]))


def test_breakers_that_operators_opened_are_open_too(world: World) -> None:
    world.registry.breaker("w").open("moving")
    world.registry.breaker("db").open("moving")
    assert world.severity("breakers-open") is WARNING
    assert [key for key, _ in explained(world).items()] == [("breakers-open", "system")]


def in_parts(world: World, *names: str) -> list[CircuitBreaker]:
    """A dependency whose calls are judged operation by operation."""
    breakers = [world.registry.breaker(f"parts.{name}") for name in names]
    world.depend("parts", operations=breakers)
    return breakers


def fail(breaker: CircuitBreaker, times: int = 5) -> None:
    for _ in range(times):
        with pytest.raises(ZeroDivisionError):
            breaker.call(lambda: 1 / 0)


def test_the_breakers_of_the_operations_of_one_service_count_once(world: World) -> None:
    for breaker in in_parts(world, "a", "b", "c", "d", "e"):
        breaker.open("moving")
    assert world.severity("breakers-open") is None
    world.registry.breaker("w").open("moving")
    found = world.read()["breakers-open", "system"]
    assert (found.severity, found.value) == (WARNING, 2)


def test_an_operation_that_fails_is_told_by_its_name(world: World, clock: ManualClock) -> None:
    first, _ = in_parts(world, "a", "b")
    fail(first)
    found = world.read()["error-rate", "parts"]
    assert (found.severity, found.value) == (CRITICAL, 1.0)
    assert found.message.startswith("parts.a is blocked: ")
    assert world.severity("breakers-open") is None


def test_the_moment_before_a_probe_says_nothing(world: World, clock: ManualClock) -> None:
    """Keeps out: an alert that never fires, as each wait for a probe ends in between."""
    first, _ = in_parts(world, "a", "b")
    fail(first)
    clock.advance(60)
    found = world.read()["error-rate", "parts"]
    assert (found.severity, found.has_data) == (None, False)
    first.close()
    assert world.read()["error-rate", "parts"].has_data


def test_the_breaker_of_what_is_down_does_not_count(world: World) -> None:
    world.registry.breaker("w").open()
    world.registry.breaker("plex-api").open()
    world.down = {"plex"}
    for _ in range(3):
        world.checks()
    assert world.severity("breakers-open") is None


@pytest.mark.parametrize(("dead", "severity"), [(0, None), (1, WARNING), (1000, WARNING)])
def test_dead_letters(world: World, dead: int, severity: Severity | None) -> None:
    world.check("queue", lambda: CheckResult(detail={"dead": dead, "pending": 3}))
    assert not world.read()["dead-letters", "queue"].has_data
    world.checks()
    found = world.read()["dead-letters", "queue"]
    assert (found.severity, found.value) == (severity, dead)


@pytest.mark.parametrize("rule", ["dependency-down", "dependency-trouble"])
def test_the_first_check_that_says_something_else_proves_nothing(world: World, rule: str) -> None:
    world.down = {"plex"}
    world.checks()
    found = world.read()[rule, "plex"]
    assert (found.severity, found.has_data) == (None, False)
