"""What a rule says of a subject at one instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from medianest.health.thresholds import Severity

__all__ = ["Rule", "RuleResult", "worst"]

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

    @property
    def key(self) -> str:
        """That of the alert that may come of it."""
        return f"{self.rule}:{self.subject}"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        severity = None if self.severity is None else self.severity.name
        return {**asdict(self), "severity": severity}

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> RuleResult:
        """What `as_dict` gave. Raises KeyError, TypeError or ValueError for anything else."""
        name, affected = record["severity"], tuple(record["affected"])
        if record["rule"] not in get_args(Rule):
            raise ValueError(f"no rule of this version: {record['rule']!r}")
        severity = None if name is None else Severity[name]
        return cls(**{**record, "severity": severity, "affected": affected})


def worst(readings: Iterable[RuleResult]) -> list[RuleResult]:
    """One of each key: the first, or a later one that is worse, unless something explains it."""
    found: dict[str, RuleResult] = {}
    for reading in readings:
        known = found.get(reading.key)
        if known is None or (known.inhibited_by is None and _rank(reading) > _rank(known)):
            found[reading.key] = reading
    return list(found.values())


def _rank(reading: RuleResult) -> int:
    return -1 if reading.severity is None else reading.severity
