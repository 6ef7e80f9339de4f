"""The registry: named parts, each made once."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from medianest.resilience import (
    CircuitBreaker,
    CircuitBreakerOptions,
    ConfigurationError,
    Criticality,
    Dependency,
    ManualClock,
    Pipeline,
    Registry,
    UnknownNameError,
    default_registry,
)
from tests.resilience.conftest import Fail, MakeBreaker


@pytest.fixture
def registry(clock: ManualClock) -> Registry:
    return Registry(clock=clock)


def dependency(name: str, *depends_on: str, criticality: Criticality = "optional") -> Dependency:
    return Dependency(name, criticality, Pipeline(name, []), depends_on)


@pytest.mark.parametrize("kind", ["breaker", "bulkhead", "budget"])
def test_a_part_is_made_once_and_shared_by_its_name(registry: Registry, kind: str) -> None:
    make = getattr(registry, kind)
    assert make("plex") is make("plex")
    assert make("plex") is not make("overseerr")


def test_a_breaker_is_on_the_clock_of_its_registry(
    registry: Registry, clock: ManualClock, half_open: Fail
) -> None:
    breaker = registry.breaker("plex", jitter=0)
    half_open(breaker)
    assert breaker.call(int) == 0


@pytest.mark.parametrize(
    ("kind", "options"),
    [("breaker", {"failure_threshold": 2}), ("bulkhead", {"max_concurrent": 2})],
)
def test_the_same_name_with_other_options_is_a_conflict(
    registry: Registry, kind: str, options: dict[str, Any]
) -> None:
    make = getattr(registry, kind)
    made = make("plex", **options)
    assert make("plex", **options) is made
    assert make("plex") is made
    with pytest.raises(ConfigurationError, match=r"'plex' exists already with other options"):
        make("plex", **{name: value + 1 for name, value in options.items()})


def test_options_as_keywords_or_as_an_object_are_the_same(registry: Registry) -> None:
    made = registry.breaker("plex", failure_threshold=2)
    assert registry.breaker("plex", CircuitBreakerOptions(failure_threshold=2)) is made


def test_a_wrong_option_makes_nothing(registry: Registry) -> None:
    with pytest.raises(ConfigurationError, match="'plex'"):
        registry.breaker("plex", failure_threshold=0)
    assert registry.find_breaker("plex") is None


def test_find_never_makes_one(registry: Registry) -> None:
    assert registry.find_breaker("plex") is None
    assert registry.breakers() == []


def test_a_breaker_made_elsewhere_can_be_registered_once(
    registry: Registry, make_breaker: MakeBreaker
) -> None:
    breaker = make_breaker("plex")
    assert registry.add_breaker(breaker) is breaker
    assert registry.add_breaker(breaker) is breaker
    assert registry.breaker("plex") is breaker
    with pytest.raises(ConfigurationError, match="'plex' is registered already"):
        registry.add_breaker(make_breaker("plex"))


def test_a_registered_breaker_can_be_replaced_on_purpose(
    registry: Registry, make_breaker: MakeBreaker
) -> None:
    registry.breaker("plex")
    other = make_breaker("plex")
    registry.add_breaker(other, replaces=lambda taken: taken is not other)
    assert registry.find_breaker("plex") is other


def test_lists_are_sorted_by_name(registry: Registry) -> None:
    for name in ("plex", "cache", "overseerr"):
        registry.breaker(name), registry.bulkhead(name)
    assert [b.name for b in registry.breakers()] == ["cache", "overseerr", "plex"]
    assert [b.name for b in registry.bulkheads()] == ["cache", "overseerr", "plex"]


def test_names_that_it_does_not_have_are_looked_for_in_its_parent(
    registry: Registry, clock: ManualClock
) -> None:
    child = Registry(clock=clock, parent=registry)
    shared, own = registry.breaker("shared"), child.breaker("own")
    assert child.breaker("shared") is shared
    assert child.find_breaker("shared") is shared
    assert child.breakers() == [own, shared]
    assert registry.breakers() == [shared]


def test_a_child_may_have_a_breaker_of_its_own_under_the_parents_name(
    registry: Registry, make_breaker: MakeBreaker
) -> None:
    registry.breaker("plex")
    child = Registry(parent=registry)
    own = child.add_breaker(make_breaker("plex"))
    assert child.breakers() == [own]


def test_dependencies_are_listed_in_the_order_of_registration(registry: Registry) -> None:
    made = [registry.add_dependency(dependency(name)) for name in ("plex", "cache", "db")]
    assert registry.dependencies() == made
    assert registry.dependency("cache") is made[1]


def test_an_unknown_dependency_is_told_with_the_known_ones(registry: Registry) -> None:
    with pytest.raises(UnknownNameError, match=r"no dependency 'plex'; registered are: none"):
        registry.dependency("plex")
    registry.add_dependency(dependency("db"))
    with pytest.raises(UnknownNameError, match=r"registered are: db"):
        registry.dependency("plex")


def test_a_taken_name_is_refused(registry: Registry) -> None:
    registry.add_dependency(dependency("plex"))
    with pytest.raises(ConfigurationError, match="'plex' is registered already"):
        registry.add_dependency(dependency("plex"))


def test_a_dependency_depends_only_on_what_is_there(registry: Registry) -> None:
    registry.add_dependency(dependency("db"))
    registry.add_dependency(dependency("plex", "db"))
    with pytest.raises(ConfigurationError, match=r"depends_on names 'nas', which is not"):
        registry.add_dependency(dependency("overseerr", "db", "nas"))
    assert [d.name for d in registry.dependencies()] == ["db", "plex"]


def test_a_dependency_cannot_depend_on_itself(registry: Registry) -> None:
    with pytest.raises(ConfigurationError, match="not registered"):
        registry.add_dependency(dependency("plex", "plex"))


def test_an_unknown_criticality_is_told_with_the_known_ones(registry: Registry) -> None:
    with pytest.raises(ConfigurationError, match=r"one of critical, important, optional, not 'vi"):
        registry.add_dependency(dependency("plex", criticality="vital"))  # type: ignore[arg-type]
    assert registry.dependencies() == []


def test_threads_that_ask_for_one_name_get_one_breaker(registry: Registry) -> None:
    start, found = threading.Barrier(8), []

    def ask() -> None:
        start.wait(10)
        found.append(registry.breaker("plex"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_the_process_has_a_registry_for_code_that_is_handed_none() -> None:
    assert isinstance(default_registry, Registry)
    assert all(isinstance(breaker, CircuitBreaker) for breaker in default_registry.breakers())
