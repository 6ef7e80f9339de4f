"""How the system is, told from what its parts know. Pure: no framework, no driver."""

from medianest.health.check import Check, CheckResult, Result
from medianest.health.component import ComponentHealth
from medianest.health.dependencies import DependencyHealth
from medianest.health.monitor import HealthMonitor
from medianest.health.status import Status, overall_status

__all__ = [
    "Check",
    "CheckResult",
    "ComponentHealth",
    "DependencyHealth",
    "HealthMonitor",
    "Result",
    "Status",
    "overall_status",
]
