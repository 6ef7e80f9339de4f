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
    """How bad one thing is now: `severity` is None while it is well. `explained_by` names the
    cause that is told, or about to be, in its place. `at_once` needs no hold: its hysteresis has
    waited already. What is not `known` now changes nothing."""

    rule: Rule
    subject: str
    severity: Severity | None
    message: str = ""
    value: float | None = None
    threshold: float | None = None
    affected: tuple[str, ...] = ()
    advice: str = ""
    explained_by: str | None = None
    at_once: bool = False
    known: bool = True
