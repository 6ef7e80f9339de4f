"""Services that are registered while a program runs, and the probe of their health."""

from medianest.dependencies.service import MonitoredService

__all__ = ["MonitoredService"]
