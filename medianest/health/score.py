"""The score of the system: 100 less a deduction for each thing that is not as it should be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from medianest.health.alerts.alert import Alert
from medianest.health.component import ComponentHealth
from medianest.health.dependencies import DependencyHealth
from medianest.health.status import Status
from medianest.health.thresholds import Severity
from medianest.resilience import Criticality

__all__ = ["Deduction", "Rating", "Score"]

Rating = Literal["excellent", "good", "fair", "poor", "critical"]

_RATINGS: Final[tuple[tuple[int, Rating], ...]] = (
    (90, "excellent"), (75, "good"), (50, "fair"), (25, "poor"),
)  # fmt: skip

POINTS: Final[dict[Status, dict[Criticality, int]]] = {
    Status.UNHEALTHY: {"critical": 60, "important": 20, "optional": 10},
    Status.DEGRADED: {"critical": 20, "important": 10, "optional": 5},
    Status.UNKNOWN: {"critical": 10, "important": 5, "optional": 2},
}
"""What a component or a dependency costs, by its status and how badly it is needed. Without a
critical one, no system is even fair."""

ALERT_POINTS: Final = {Severity.WARNING: 5, Severity.CRITICAL: 15}
"""What an alert costs that is about no component: about rates and times of answers."""

_OF_ANSWERS = ("error-rate", "response-time")


@dataclass(frozen=True, slots=True)
class Deduction:
    """Points taken off: for what, and why."""

    what: str
    why: str
    points: int


@dataclass(frozen=True, slots=True)
class Score:
    """0 to 100, and how it came about; `score` is 100 less all points, and never below 0."""

    score: int
    rating: Rating
    deductions: tuple[Deduction, ...]

    @classmethod
    def of(
        cls,
        dependencies: Iterable[DependencyHealth],
        components: Iterable[ComponentHealth],
        firing: Iterable[Alert],
    ) -> Score:
        """The score of a system with these parts; `components` are those that are no
        dependency's."""
        found = [
            _of_status(d.name, d.dependency.criticality, d.status, d.message)
            for d in dependencies
            if d.is_used
        ]
        found += [_of_status(c.name, c.criticality, c.status, c.message) for c in components]
        found += [
            Deduction(f"{a.rule} of {a.subject}", a.message, ALERT_POINTS[a.severity])
            for a in firing
            if a.rule in _OF_ANSWERS
        ]
        deductions = sorted((d for d in found if d.points), key=lambda d: -d.points)
        score = max(0, 100 - sum(deduction.points for deduction in deductions))
        return cls(score, _rating(score), tuple(deductions))


def _rating(score: int) -> Rating:
    return next((name for least, name in _RATINGS if score >= least), "critical")


def _of_status(name: str, criticality: Criticality, status: Status, why: str | None) -> Deduction:
    points = POINTS[status][criticality] if status is not Status.HEALTHY else 0
    return Deduction(name, f"{status.value}: {why or 'not checked yet'}", points)
