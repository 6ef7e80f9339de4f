from __future__ import annotations

import pytest

from medianest.bridges import circuitbreaker as bridge
from medianest.bridges.circuitbreaker import breaker as bridge_breaker
from medianest.resilience import ManualClock, Registry
from tests.bridges.circuits import WAIT


@pytest.fixture(autouse=True)
def registry(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry of its own, whose clock the bridge's breakers read, and an empty monitor."""
    registry = Registry(clock=clock)
    monkeypatch.setattr(bridge_breaker, "default_registry", registry)
    monkeypatch.setattr(bridge.CircuitBreakerMonitor, "circuit_breakers", {})
    return registry


@pytest.fixture
def breaker() -> bridge.CircuitBreaker:
    return bridge.CircuitBreaker(failure_threshold=2, recovery_timeout=WAIT, name="plex")
