"""How the system is, told from what its parts know. Pure: no framework, no driver."""

from medianest.health.status import Status, overall_status, status_of_dependency

__all__ = ["Status", "overall_status", "status_of_dependency"]
