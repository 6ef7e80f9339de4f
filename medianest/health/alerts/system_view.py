"""What the rules of alerts look at."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from medianest.health.component import ComponentHealth
from medianest.health.dependencies import DependencyHealth
from medianest.health.traffic import Traffic
from medianest.resilience import CircuitBreaker

__all__ = ["SystemView"]


@dataclass(frozen=True, slots=True)
class SystemView:
    """All that the rules look at. `lately` are the keys ("rule:subject") of what was bad within
    the last minute, so that it still shows in its figures."""

    dependencies: Mapping[str, DependencyHealth]
    components: Mapping[str, ComponentHealth]
    breakers: Collection[CircuitBreaker]
    traffic: Traffic
    lately: Collection[str] = ()
