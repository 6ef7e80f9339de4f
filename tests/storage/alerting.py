"""Alerts that are over, and how bad they are."""

from collections.abc import Callable
from dataclasses import replace

from medianest.health.alerts import Alert
from medianest.health.thresholds import Severity
from medianest.resilience import ManualClock
from medianest.storage.alert_claims import AlertClaims
from medianest.storage.database import Database

MakeClaims = Callable[[Database], AlertClaims]

WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


def over(alert: Alert, clock: ManualClock) -> Alert:
    return replace(alert, state="resolved", resolved_at=clock.utc())
