"""Breakers that nobody has registered a dependency for."""

from __future__ import annotations

import pytest

from medianest.health.used_breakers import UsedBreakers
from medianest.resilience import CircuitBreaker, ManualClock, Registry, ResilienceService


@pytest.fixture
def registry(clock: ManualClock) -> Registry:
    return Registry(clock=clock)


def names(found: UsedBreakers) -> list[str]:
    return [each.name for each in found.dependencies()]


def test_a_breaker_counts_from_its_first_call_on(registry: Registry) -> None:
    found, breaker = UsedBreakers(registry), registry.breaker("reports")
    assert names(found) == []
    breaker.call(lambda: "done")
    (made,) = found.dependencies()
    assert (made.name, made.criticality, made.pipeline.find(CircuitBreaker)) == (
        "reports", "important", breaker,
    )  # fmt: skip
    assert found.dependencies() == [made]


def test_one_that_an_operator_holds_open_counts_without_a_call(registry: Registry) -> None:
    registry.breaker("reports").open("moving house")
    assert names(UsedBreakers(registry)) == ["reports"]


def test_one_that_is_reset_counts_on(registry: Registry) -> None:
    """Keeps out: a breaker that goes from the page, with its hour, when an operator resets it."""
    found, breaker = UsedBreakers(registry), registry.breaker("reports")
    breaker.call(lambda: "done")
    (made,) = found.dependencies()
    breaker.reset()
    assert found.dependencies() == [made]


def test_those_of_registered_dependencies_count_once(registry: Registry) -> None:
    service = ResilienceService(registry)
    part = registry.breaker("nas.films")
    service.register_dependency("storage", service="nas", operations=[part])
    for name in ("nas", "nas.films", "other"):
        registry.breaker(name).call(lambda: "done")
    assert names(UsedBreakers(registry)) == ["storage", "other"]


def test_its_bulkhead_goes_with_it(registry: Registry) -> None:
    registry.breaker("reports").call(lambda: "done")
    places = registry.bulkhead("reports", max_concurrent=3)
    (made,) = UsedBreakers(registry).dependencies()
    assert places in made.pipeline.strategies
