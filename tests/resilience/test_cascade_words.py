"""What an assessment of the cascade risk tells of each dependency."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from medianest.resilience import ManualClock, ResilienceService
from medianest.resilience.cascade import CascadeMonitor
from tests.support.waiting import SOON, wait_until


@pytest.fixture
def service(clock: ManualClock) -> ResilienceService:
    return ResilienceService(clock=clock)


@pytest.fixture
def monitor(service: ResilienceService) -> CascadeMonitor:
    return CascadeMonitor(service.registry)


def calls(service: ResilienceService, name: str, good: int, bad: int) -> None:
    for outcome in [True] * good + [False] * bad:
        permit = service.registry.breaker(name).acquire()
        permit.success() if outcome else permit.failure(ConnectionError())


def test_a_dependency_is_told_as_it_was_registered_and_when_it_was_looked_at(
    service: ResilienceService, monitor: CascadeMonitor, clock: ManualClock
) -> None:
    service.register_dependency("nas")
    service.register_dependency("plex", criticality="critical", depends_on=["nas"], bulkhead=None)
    clock.advance(60)
    assessed = monitor.assess()
    assert assessed.at == clock.utc()
    told = [(each.name, each.criticality, each.depends_on) for each in assessed.dependencies]
    assert told == [("nas", "optional", ()), ("plex", "critical", ("nas",))]
    assert assessed.dependencies[1].stress.bulkhead_saturation is None


def test_figures_are_told_to_as_many_places_as_anybody_reads(
    service: ResilienceService, monitor: CascadeMonitor
) -> None:
    service.register_dependency("plex", bulkhead=None, circuit_breaker={"failure_threshold": 100})
    calls(service, "plex", good=6, bad=3)
    budget = service.registry.budget("plex")
    for _ in range(7):
        next(budget.calls.ticks)
    assert budget.withdraw()
    (plex,) = monitor.assess().dependencies
    assert (plex.stress.score, plex.risk) == (0.2667, 0.0533)
    assert plex.stress.retry_amplification == 1.143


def test_where_nothing_fails_nothing_rises(
    service: ResilienceService, monitor: CascadeMonitor
) -> None:
    service.register_dependency("plex")
    calls(service, "plex", good=10, bad=0)
    (plex,) = monitor.assess().dependencies
    assert (plex.stress.error_rate, plex.stress.error_trend) == (0.0, "steady")


def test_who_waits_for_a_place_is_stress_and_no_more_than_a_full_compartment(
    service: ResilienceService, monitor: CascadeMonitor
) -> None:
    service.register_dependency("plex", bulkhead={"max_concurrent": 1, "max_wait": SOON})
    bulkhead = service.registry.bulkhead("plex")
    taken: Any = bulkhead.acquire()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bulkhead.call, int)
        wait_until(lambda: bulkhead.snapshot().waiting == 1)
        (plex,) = monitor.assess().dependencies
        taken.release()
        assert waiting.result(SOON) == 0
    assert plex.stress.bulkhead_saturation == 1.0
