"""A dependency, as its check and its circuit breaker see it together."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NoReturn

import pytest

from medianest.health import ComponentHealth, DependencyHealth, HealthMonitor, Status
from medianest.resilience import CircuitBreaker, ManualClock, ResilienceService, State
from tests.health.conftest import WORDS, Scripted
from tests.support.narrowing import not_none

CHECKS = ("none", "unchecked", "?", "H", "D", "U")
NOBODY = "it has no health check, and no call has been made yet"
H, D, U, UNKNOWN = Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY, Status.UNKNOWN

TABLE = {
    #         none, unchecked, ?, H, D, U
    "closed": (UNKNOWN, UNKNOWN, UNKNOWN, H, D, U),
    "disabled": (D, D, D, D, D, U),
    "half_open": (D, D, D, D, D, U),
    "open": (U, U, U, D, U, U),
    "waited": (U, U, U, D, U, U),
    "forced_open": (U, U, U, U, U, U),
}
CASES = [
    (state, check, TABLE[state][CHECKS.index(check)])
    for state, check in itertools.product(TABLE, CHECKS)
]


@pytest.fixture
def service(clock: ManualClock) -> ResilienceService:
    return ResilienceService(clock=clock)


@pytest.fixture
def breaker(service: ResilienceService) -> CircuitBreaker:
    service.register_dependency("thing", retry=None)
    return service.registry.breaker("thing")


def fail() -> NoReturn:
    raise ConnectionError("no route")


def bring(breaker: CircuitBreaker, state: str, clock: ManualClock) -> None:
    """Into a state, as it gets there by itself; "waited" is open, and lets the next call in."""
    if state == "forced_open":
        breaker.open("moving house")
    elif state == "disabled":
        breaker.disable()
    elif state != "closed":
        for _ in range(5):
            with pytest.raises(ConnectionError):
                breaker.call(fail)
        if state != "open":
            clock.advance(60)
        if state == "half_open":
            breaker.acquire()
    assert breaker.state is State("open" if state == "waited" else state)


def health_of(
    service: ResilienceService,
    monitor: HealthMonitor,
    scripted: Callable[..., Scripted],
    check: str,
) -> ComponentHealth | None:
    if check == "none":
        return None
    run = scripted()
    if check != "unchecked":
        run.status = WORDS[check]
        run.message = None if check == "H" else f"check says {check}"
        for _ in range(3):
            monitor.run("thing")
    return monitor.component("thing")


def look(service: ResilienceService, check: ComponentHealth | None) -> DependencyHealth:
    return DependencyHealth.of(service.registry.dependency("thing"), check)


@pytest.mark.parametrize(("state", "check", "status"), CASES)
def test_both_make_the_status(
    service: ResilienceService,
    breaker: CircuitBreaker,
    monitor: HealthMonitor,
    scripted: Callable[..., Scripted],
    clock: ManualClock,
    state: str,
    check: str,
    status: Status,
) -> None:
    bring(breaker, state, clock)
    found = look(service, health_of(service, monitor, scripted, check))
    assert found.status is status
    assert (found.message is None) == (status is Status.HEALTHY)
    assert found.is_cut_off == (state == "open")
    assert found.is_down == (check == "U")


@pytest.mark.parametrize(
    ("state", "check", "message"),
    [
        ("closed", "U", "check says U"),
        ("open", "H", "its check passes, but its calls fail: no route"),
        ("open", "none", "its calls fail: no route"),
        ("open", "U", "check says U"),
        ("half_open", "none", "it is recovering: a few calls are let through"),
        ("waited", "H", "its check passes, but its calls fail: no route; the next call tries it"),
        ("half_open", "D", "check says D"),
        ("half_open", "H", "it is recovering: a few calls are let through"),
        ("disabled", "H", "its circuit breaker is off: an operator did it"),
        ("closed", "none", "it has no health check, and no call has been made yet"),
        ("closed", "unchecked", "not checked yet"),
        ("forced_open", "H", "an operator has opened its circuit breaker: moving house"),
        ("forced_open", "U", "an operator has opened its circuit breaker: moving house"),
    ],
)
def test_the_message_is_of_the_one_that_knows_more(
    service: ResilienceService,
    breaker: CircuitBreaker,
    monitor: HealthMonitor,
    scripted: Callable[..., Scripted],
    clock: ManualClock,
    state: str,
    check: str,
    message: str,
) -> None:
    bring(breaker, state, clock)
    found = look(service, health_of(service, monitor, scripted, check))
    assert not_none(found.message).startswith(message)


def test_one_switched_off_without_a_reason_was_so_by_somebody(
    service: ResilienceService, breaker: CircuitBreaker
) -> None:
    breaker.open()
    assert look(service, None).message == "an operator has opened its circuit breaker"


def test_one_without_breaker_and_bulkhead_has_its_check_alone(
    service: ResilienceService, monitor: HealthMonitor, scripted: Callable[..., Scripted]
) -> None:
    service.register_dependency("bare", circuit_breaker=None, bulkhead=None, retry=None)
    found = DependencyHealth.of(service.registry.dependency("bare"), None)
    assert (found.name, found.status, found.message) == ("bare", UNKNOWN, NOBODY)
    assert (found.breaker, found.bulkhead, found.is_cut_off) == (None, None, False)


def test_a_check_that_has_not_been_made_for_long_makes_it_unknown(
    service: ResilienceService,
    breaker: CircuitBreaker,
    monitor: HealthMonitor,
    scripted: Callable[..., Scripted],
    clock: ManualClock,
) -> None:
    scripted()
    monitor.run("thing")
    clock.advance(60)
    found = look(service, monitor.component("thing"))
    assert found.status is Status.UNKNOWN
    assert "not checked any more" in not_none(found.message)


@pytest.fixture
def operation(service: ResilienceService) -> CircuitBreaker:
    """The breaker of an operation of "parts"."""
    breakers = [service.registry.breaker(f"parts.{name}") for name in ("read", "list")]
    service.register_dependency("parts", retry=None, operations=breakers)
    return breakers[0]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("open", "parts.read: its calls fail: no route"),
        ("waited", "parts.read: its calls fail: no route; the next call tries it"),
        ("half_open", "parts.read: it is recovering: a few calls are let through"),
        ("forced_open", "parts.read: an operator has opened its circuit breaker: moving house"),
    ],
)
def test_while_an_operation_is_cut_off_it_is_degraded_and_says_which(
    service: ResilienceService,
    operation: CircuitBreaker,
    clock: ManualClock,
    state: str,
    words: str,
) -> None:
    bring(operation, state, clock)
    found = DependencyHealth.of(service.registry.dependency("parts"), None)
    assert (found.status, found.is_cut_off, found.is_down) == (D, False, False)
    assert not_none(found.message).startswith(words)
    assert [each.name for each in found.operations] == ["parts.read", "parts.list"]


def test_an_operation_that_is_called_says_nothing(
    service: ResilienceService, operation: CircuitBreaker
) -> None:
    operation.call(list)
    found = DependencyHealth.of(service.registry.dependency("parts"), None)
    assert (found.status, found.message) == (H, None)


def test_a_breaker_that_has_waited_is_no_news_until_a_call_has_come_through(
    service: ResilienceService,
    breaker: CircuitBreaker,
    monitor: HealthMonitor,
    scripted: Callable[..., Scripted],
    clock: ManualClock,
) -> None:
    """Keeps out: the status of what only nobody calls gets better by waiting."""
    bring(breaker, "waited", clock)
    check = health_of(service, monitor, scripted, "H")
    assert look(service, check).status is D
    while breaker.state is not State.CLOSED:
        assert look(service, check).status is D
        breaker.call(list)
    assert look(service, check).status is H


def test_one_that_is_not_configured_is_nobodys_trouble(
    service: ResilienceService, breaker: CircuitBreaker
) -> None:
    found = DependencyHealth.of(service.registry.dependency("thing"), None, is_used=False)
    assert (found.status, found.message) == (UNKNOWN, "it is not configured")


def test_a_server_that_is_down_says_more_than_its_operations(
    service: ResilienceService, operation: CircuitBreaker, clock: ManualClock
) -> None:
    bring(operation, "open", clock)
    service.registry.breaker("parts").open("moving house")
    found = DependencyHealth.of(service.registry.dependency("parts"), None)
    assert (found.status, found.message) == (
        U,
        "an operator has opened its circuit breaker: moving house",
    )


def test_a_dependency_that_goes_takes_the_breakers_of_its_operations_along(
    service: ResilienceService, operation: CircuitBreaker
) -> None:
    service.registry.remove_dependency("parts")
    assert service.registry.breakers() == []
