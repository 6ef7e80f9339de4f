"""Cascade risk: stress, blast radius, and what is held back meanwhile."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from medianest.resilience import ManualClock, ResilienceService
from medianest.resilience.cascade import CascadeMonitor, CascadeRisk, DependencyRisk, Level, Work
from tests.support.narrowing import not_none


@pytest.fixture
def service(clock: ManualClock) -> ResilienceService:
    service = ResilienceService(clock=clock)
    options: dict[str, Any] = {"retry": None, "bulkhead": None}
    service.register_dependency("db", criticality="critical", **options)
    service.register_dependency("plex", criticality="important")
    service.register_dependency("shop", criticality="optional", depends_on=["db"], **options)
    return service


@pytest.fixture
def monitor(service: ResilienceService) -> CascadeMonitor:
    routes = {"plex": ["GET /libraries"], "shop": ["GET /shop"]}
    return CascadeMonitor(service.registry, lambda name: routes.get(name, ()))


def of(risk: CascadeRisk, name: str) -> DependencyRisk:
    return next(d for d in risk.dependencies if d.name == name)


def fail(service: ResilienceService, name: str, times: int) -> None:
    def broken() -> NoReturn:
        raise ConnectionError

    for _ in range(times):
        with pytest.raises(ConnectionError):
            service.registry.breaker(name).call(broken)


def test_where_all_is_well_the_risk_is_low(monitor: CascadeMonitor) -> None:
    risk = monitor.assess()
    assert (risk.score, risk.level, risk.suspended) == (0, Level.LOW, ())


def test_the_blast_radius_is_all_that_depends_on_it_routes_included(
    monitor: CascadeMonitor,
) -> None:
    radius = of(monitor.assess(), "db")
    assert (radius.dependents, radius.routes) == (("shop",), ("GET /shop",))


@pytest.mark.parametrize(
    ("broken", "level"),
    [
        (["shop"], Level.LOW),
        (["plex"], Level.MEDIUM),
        (["plex", "shop"], Level.HIGH),
        (["db"], Level.CRITICAL),
    ],
)
def test_the_risk_grows_with_what_is_cut_off(
    service: ResilienceService, monitor: CascadeMonitor, broken: list[str], level: Level
) -> None:
    for name in broken:
        service.registry.breaker(name).open()
    assert monitor.assess().level is level


def test_errors_are_stress_before_the_breaker_opens(
    service: ResilienceService, monitor: CascadeMonitor, clock: ManualClock
) -> None:
    breaker = service.registry.breaker("db")
    for _ in range(6):
        breaker.call(int)
    fail(service, "db", 4)
    stress = of(monitor.assess(), "db").stress
    assert (stress.breaker, stress.error_rate, stress.error_trend) == (0, 0.4, "rising")
    assert stress.score == pytest.approx(0.32)
    clock.advance(2)
    for _ in range(10):
        breaker.call(int)
    assert of(monitor.assess(), "db").stress.error_trend == "falling"


def test_a_full_bulkhead_is_stress(service: ResilienceService, monitor: CascadeMonitor) -> None:
    bulkhead = service.registry.bulkhead("plex")
    places = [bulkhead.acquire() for _ in range(10)]
    risk = of(monitor.assess(), "plex")
    assert risk.stress.bulkhead_saturation == 1.0
    assert any("uses nearly all" in text for text in risk.recommendations)
    for place in places:
        place.release()


def test_retries_are_stress(
    service: ResilienceService, monitor: CascadeMonitor, clock: ManualClock
) -> None:
    monitor.assess()
    clock.advance(2)
    budget = service.registry.budget("plex")
    for _ in range(10):
        next(budget.calls.ticks)
    for _ in range(5):
        assert budget.withdraw()
    assert of(monitor.assess(), "plex").stress.retry_amplification == 1.5


def test_retries_are_held_back_first_and_optional_work_then(
    service: ResilienceService, monitor: CascadeMonitor, clock: ManualClock
) -> None:
    assert monitor.why_suspended(Work.RETRY) is None
    for name in ("plex", "shop"):
        service.registry.breaker(name).open()
    clock.advance(1)
    assert "high" in not_none(monitor.why_suspended(Work.RETRY))
    assert monitor.why_suspended(Work.OPTIONAL) is None
    service.registry.breaker("db").open()
    clock.advance(1)
    assert "critical" in not_none(monitor.why_suspended(Work.OPTIONAL))
    assert monitor.assess().suspended == ("retry", "optional")


def test_a_retry_is_not_made_while_retries_are_held_back(
    service: ResilienceService, monitor: CascadeMonitor, clock: ManualClock
) -> None:
    calls = []

    def broken() -> NoReturn:
        calls.append(1)
        raise ConnectionError

    service.registry.suspend_retries = lambda: monitor.why_suspended(Work.RETRY)
    service.registry.breaker("db").open()
    with pytest.raises(ConnectionError) as caught:
        service.execute("plex", broken)
    assert len(calls) == 1
    assert "cascade risk" in caught.value.__notes__[0]


def test_what_to_look_at_first_is_told_first(
    service: ResilienceService, monitor: CascadeMonitor
) -> None:
    service.registry.breaker("plex").open()
    fail(service, "db", 5)
    advice = monitor.assess().recommendations
    assert advice[0].startswith("db is blocked")
    assert advice[1].startswith("an operator holds circuit breaker plex open")
