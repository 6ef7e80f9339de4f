"""Alerts: what is worth telling somebody who does not look, once for each cause."""

from medianest.health.alerts.alert import Alert, State
from medianest.health.alerts.manager import AlertManager
from medianest.health.alerts.options import AlertOptions
from medianest.health.alerts.rule_result import Rule, RuleResult
from medianest.health.alerts.rules import Rules
from medianest.health.alerts.silences import Silence, Silences

__all__ = [
    "Alert",
    "AlertManager",
    "AlertOptions",
    "Rule",
    "RuleResult",
    "Rules",
    "Silence",
    "Silences",
    "State",
]
