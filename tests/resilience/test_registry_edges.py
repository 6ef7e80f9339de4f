"""What a registry gives up, lists and refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from blinker import Signal

from medianest.resilience import (
    CircuitBreaker,
    Coalesce,
    ConfigurationError,
    ManualClock,
    MemoryLastGood,
    Patience,
    Registry,
    ResilienceService,
    UnknownNameError,
)
from medianest.resilience.events import breaker_added


@pytest.fixture
def registry(clock: ManualClock) -> Any:
    return Registry(clock=clock)


@pytest.fixture
def service(registry: Any) -> Any:
    return ResilienceService(registry)


def patience(name: Any) -> Any:
    return Patience(1, last_good=MemoryLastGood(60), name=name)


def test_flights_are_listed_by_their_names_and_kinds(registry: Any) -> None:
    coalesces = [Coalesce(name=name) for name in "ba"]
    patiences = [patience(name) for name in "dca"]
    for strategy in (*coalesces, *patiences):
        registry.add_flights(strategy)
        registry.add_flights(strategy)  # the same once more is no other
    assert registry.flights() == coalesces[::-1]
    assert registry.patiences() == patiences[::-1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda name: Coalesce(name=name), "coalesce 'plex' is registered already"),
        (patience, "patience 'plex' is registered already"),
    ],
)
def test_two_of_one_name_are_refused(registry: Any, make: Any, message: Any) -> None:
    registry.add_flights(make("plex"))
    with pytest.raises(ConfigurationError) as caught:
        registry.add_flights(make("plex"))
    assert str(caught.value) == message


def test_a_breaker_that_may_be_replaced_is(
    registry: Any, clock: ManualClock, heard: Callable[[Signal], list[Any]]
) -> None:
    events, before = heard(breaker_added), registry.breaker("plex")
    other = CircuitBreaker("plex", clock=clock)
    with pytest.raises(ConfigurationError) as caught:
        registry.add_breaker(other)
    assert str(caught.value) == "circuit breaker 'plex' is registered already"
    assert registry.add_breaker(other, replaces=lambda taken: taken is before) is other
    assert registry.find_breaker("plex") is other
    assert registry.add_breaker(other) is other
    assert [event.name for event in events] == ["plex"] * 3


def test_what_is_needed_is_not_removed(service: Any, registry: Any) -> None:
    service.register_dependency("db")
    for name in ("shop", "page"):
        service.register_dependency(name, depends_on=["db"])
    with pytest.raises(ConfigurationError) as caught:
        registry.remove_dependency("db")
    assert str(caught.value) == "dependency 'db' is needed by shop, page"


def test_what_is_removed_takes_its_parts_with_it(
    service: Any, registry: Any, clock: ManualClock
) -> None:
    part = registry.add_breaker(CircuitBreaker("plex:search", clock=clock))
    service.register_dependency("plex", operations=[part])
    service.register_dependency("other")
    assert registry.service_of("plex:search") == "plex"
    assert registry.service_of("other") == "other"
    assert registry.remove_dependency("plex").name == "plex"
    assert [each.name for each in registry.breakers()] == ["other"]
    assert [each.name for each in registry.bulkheads()] == ["other"]
    assert list(registry.budgets()) == ["other"]
    assert [each.name for each in registry.dependencies()] == ["other"]


def test_parts_that_another_dependency_needs_stay(service: Any, registry: Any) -> None:
    for name in ("films", "music"):
        service.register_dependency(name, service="plex")
    registry.remove_dependency("films")
    assert registry.find_breaker("plex") is not None
    assert [each.name for each in registry.bulkheads()] == ["plex"]


def test_budgets_are_listed_by_their_names(registry: Any) -> None:
    for name in "cab":
        registry.budget(name)
    assert list(registry.budgets()) == ["a", "b", "c"]


def test_a_wrong_option_of_retries_is_told_with_where_it_was_given(service: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        service.execute_with_retry(int, attempts=3)
    assert str(caught.value).startswith("execute_with_retry: unknown option attempts; allowed are")


WRONG = [
    (lambda service: service.register_dependency(""), "dependency name must be 1 to 100"),
    (
        lambda service: service.register_dependency("x", criticality="vital"),
        "dependency 'x': criticality must be one of critical, important, optional, not 'vital'",
    ),
    (
        lambda service: service.register_dependency("x", type="toaster"),
        "dependency 'x': type must be one of database, cache, external-api, internal-service, "
        "queue, not 'toaster'",
    ),
    (
        lambda service: service.register_dependency("x", depends_on=["a", "b"]),
        "dependency 'x': depends_on names 'a', 'b', which is not registered",
    ),
    (
        lambda service: service.register_dependency("x", depends_on="db"),
        "dependency 'x': depends_on takes a list of names, not 'db'",
    ),
    (
        lambda service: service.pipeline("x"),
        "no dependency 'x'; registered are: db, web",
    ),
    (
        lambda service: service.register_dependency("y", service="db", bulkhead=2),
        "bulkhead 'db' exists already with other options: ",
    ),
    (
        lambda service: service.register_dependency(
            "y", service="db", circuit_breaker={"failure_threshold": 2}
        ),
        "circuit breaker 'db' exists already with other options: ",
    ),
    (
        lambda service: service.registry.bulkhead("x", places=2),
        "bulkhead 'x': unknown option places; allowed are",
    ),
]


@pytest.mark.parametrize(("ask", "message"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_told_in_full(service: Any, ask: Callable[..., Any], message: Any) -> None:
    for name in ("web", "db"):
        service.register_dependency(name)
    with pytest.raises((ConfigurationError, UnknownNameError)) as caught:
        ask(service)
    assert str(caught.value).startswith(message)


def test_a_budget_is_refilled_by_the_clock_of_its_registry(
    registry: Any, clock: ManualClock
) -> None:
    budget = registry.budget("plex")
    while budget.withdraw():
        pass
    clock.advance(60)
    assert budget.snapshot()["left"] == 10
    assert budget.why_suspended() is None
