"""Who cannot work without whom."""

from __future__ import annotations

import pytest

from medianest.resilience import ManualClock, Registry, ResilienceService


@pytest.fixture
def registry(clock: ManualClock) -> Registry:
    """`films` and `reports` need the disk, `reports` by way of `films`; `mail` needs the net."""
    service = ResilienceService(clock=clock)
    service.register_dependency("disk", service="nas")
    service.register_dependency("net")
    service.register_dependency("films", depends_on=["disk"], service="plex")
    service.register_dependency("reports", depends_on=["net", "films"])
    service.register_dependency("mail", depends_on=["net"])
    return service.registry


def test_who_depends_on_whom_depends_on_what_that_needs(registry: Registry) -> None:
    assert registry.dependents("disk") == ("films", "reports")
    assert registry.dependents("net") == ("reports", "mail")
    assert registry.dependents("mail") == ()


def test_a_service_takes_with_it_those_of_its_dependents(registry: Registry) -> None:
    assert registry.affected_services("nas") == ("nas", "plex", "reports")
    assert registry.affected_services("plex") == ("plex", "reports")
    assert registry.affected_services("unknown") == ("unknown",)


def test_nobody_holds_back_the_retries_of_a_new_registry() -> None:
    assert Registry().suspend_retries() is None
