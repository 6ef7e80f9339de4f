"""What is known, as families of Prometheus; and those of several processes as one."""

from medianest.metrics.families import (
    STATUSES,
    breakers,
    buckets,
    bulkheads,
    flights,
    health,
    recoveries,
    retries,
)
from medianest.metrics.gauge import Gauge, Rule, gauge

__all__ = [
    "STATUSES",
    "Gauge",
    "Rule",
    "breakers",
    "buckets",
    "bulkheads",
    "flights",
    "gauge",
    "health",
    "recoveries",
    "retries",
]
