"""What a rule says of a subject at one instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from medianest.health.thresholds import Severity

__all__ = ["Rule", "RuleResult"]

Rule = Literal[
    "dependency-down",
    "dependency-trouble",
    "error-rate",
    "response-time",
    "breakers-open",
    "memory",
    "dead-letters",
]


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How bad one thing is now: `severity` is None while it is well. `inhibited_by` names the
    cause that is told, or about to be, in its place. `skip_hold`: it has waited already, by the
    hysteresis of its check. What has no data now changes nothing."""

    rule: Rule
    subject: str
    severity: Severity | None
    message: str = ""
    value: float | None = None
    threshold: float | None = None
    affected: tuple[str, ...] = ()
    advice: str = ""
    inhibited_by: str | None = None
    skip_hold: bool = False
    has_data: bool = True
