"""A registry's figures in a Prometheus registry of one's own."""

from typing import Any, NoReturn

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from medianest.bridges.prometheus import Collector
from medianest.dependencies import MonitoredService
from medianest.resilience import (
    Coalesce,
    ConfigurationError,
    ErrorRecoveryManager,
    Fallback,
    ManualClock,
    MemoryLastGood,
    Patience,
    Pipeline,
)
from tests.support.narrowing import not_none


@pytest.fixture
def service(clock: ManualClock) -> MonitoredService:
    service = MonitoredService(clock=clock)
    service.register_dependency("nas", criticality="critical", health_check=lambda: False)
    return service


@pytest.fixture
def scraped() -> CollectorRegistry:
    return CollectorRegistry()


def fail() -> NoReturn:
    raise ConnectionError("refused")


def test_breakers_bulkheads_and_retries_are_told(
    service: MonitoredService, scraped: CollectorRegistry
) -> None:
    scraped.register(Collector(service.registry))
    value = scraped.get_sample_value
    service.execute("nas", lambda: "files")
    not_none(service.registry.find_breaker("nas")).open("moving house")
    assert (
        value("medianest_circuitbreaker_calls_total", {"name": "nas", "outcome": "successful"}) == 1
    )
    assert value("medianest_circuitbreaker_state", {"name": "nas", "state": "forced_open"}) == 1
    assert value("medianest_bulkhead_available_concurrent_calls", {"name": "nas"}) == 10
    assert value("medianest_retry_calls_total", {"name": "nas", "outcome": "first_attempt"}) == 1
    text = generate_latest(scraped).decode()
    assert "medianest_component_status" not in text
    assert "medianest_recovery_actions" not in text


def test_fallbacks_are_counted_from_when_it_is_made(
    service: MonitoredService, scraped: CollectorRegistry
) -> None:
    rescued = Pipeline("nas", [Fallback(value="nothing", name="of-nas")])
    rescued.call(fail)
    scraped.register(Collector(service.registry))
    rescued.call(fail)
    labels = {"name": "of-nas", "source": "fallback"}
    assert scraped.get_sample_value("medianest_fallback_served_total", labels) == 1


def test_shared_calls_are_told(
    service: MonitoredService, scraped: CollectorRegistry, clock: ManualClock
) -> None:
    service.registry.add_flights(Coalesce(name="sky", timeout=5))
    store: MemoryLastGood[str] = MemoryLastGood(60, clock=clock)
    service.registry.add_flights(Patience(1.5, name="sky", last_good=store))
    scraped.register(Collector(service.registry))
    labels = {"name": "sky", "outcome": "shared"}
    assert scraped.get_sample_value("medianest_coalesce_calls_total", labels) == 0
    assert scraped.get_sample_value("medianest_patience_used_total", {"name": "sky"}) == 0


def test_health_is_told_with_a_monitor_and_recovery_with_its_manager(
    service: MonitoredService, scraped: CollectorRegistry
) -> None:
    recovery: ErrorRecoveryManager = service.recovery
    recovery.register_recovery_action("default", priority=1, execute=lambda error, context: [])
    scraped.register(
        Collector(service.registry, monitor=service.monitor, recovery=service.recovery)
    )
    service.monitor.run("nas")
    service.with_recovery(fail)
    labels = {"component": "nas", "criticality": "critical", "status": "unhealthy"}
    assert scraped.get_sample_value("medianest_component_status", labels) == 1
    labels = {"action": "default", "outcome": "recovered"}
    assert scraped.get_sample_value("medianest_recovery_actions_total", labels) == 1


def test_what_is_no_registry_is_told(scraped: Any) -> None:
    with pytest.raises(ConfigurationError, match="a Collector takes a Registry"):
        Collector(scraped)
