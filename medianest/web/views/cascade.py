"""`/api/v1/resilience/cascade-risk`: what may happen."""

from __future__ import annotations

from typing import Annotated, Any, Self

from flask import Blueprint
from pydantic import Field

from medianest.resilience import Criticality, cascade
from medianest.web.core import core
from medianest.web.endpoint import endpoint
from medianest.web.models import (
    AnswerModel,
    Number,
    Percent,
    Share,
    Timestamp,
)
from medianest.web.words import BreakerState, ErrorTrend, RiskLevel, SuspendedWork

__all__ = ["Risk", "blueprint"]

blueprint = Blueprint("cascade", __name__, url_prefix="/api/v1/resilience")


class Risk(AnswerModel):
    """How likely it is that trouble spreads."""

    risk: RiskLevel
    risk_percent: Percent
    suspended: Annotated[
        tuple[SuspendedWork, ...],
        Field(description="Work that waits while the risk is so high."),
    ]

    @classmethod
    def of(cls, assessed: cascade.CascadeRisk) -> Self:
        """As it was assessed."""
        return cls.model_validate({**_level(assessed.score), "suspended": assessed.suspended})


class Stress(AnswerModel):
    """Signs of trouble of one dependency."""

    highest: Annotated[
        Share, Field(validation_alias="score", description="The highest of the parts below.")
    ]
    breaker: Share
    breaker_state: BreakerState | None
    error_rate: Annotated[Share | None, Field(description="Null over few calls.")]
    error_trend: ErrorTrend
    bulkhead_saturation: Share | None
    retry_amplification: Annotated[
        Number | None, Field(description="How many attempts a call takes on average.")
    ]


class BlastRadius(AnswerModel):
    """What fails with a dependency."""

    dependents: tuple[str, ...]
    routes: tuple[str, ...]


class DependencyRisk(AnswerModel):
    """One dependency: how near it is to failing, what fails with it, and what to do."""

    name: str
    criticality: Criticality
    depends_on: tuple[str, ...]
    stress: Stress
    risk: RiskLevel
    risk_percent: Annotated[Percent, Field(description="The stress times what fails with it.")]
    recommendations: tuple[str, ...]
    blast_radius: BlastRadius

    @classmethod
    def of(cls, found: cascade.DependencyRisk) -> DependencyRisk:
        """As it was assessed."""
        return cls(
            **_level(100 * found.risk),
            name=found.name,
            criticality=found.criticality,
            depends_on=found.depends_on,
            stress=Stress.model_validate(found.stress),
            recommendations=found.recommendations,
            blast_radius=BlastRadius.model_validate(found),
        )


class CascadeRisk(Risk):
    """Whether the failure of one dependency is about to spread to others."""

    generated_at: Timestamp
    recommendations: tuple[str, ...]
    dependencies: tuple[DependencyRisk, ...]


def _level(percent: float) -> dict[str, Any]:
    """A risk in a word and as a number."""
    return {"risk": cascade.Level.of(percent).name.lower(), "risk_percent": percent}


@blueprint.get("/cascade-risk")
@endpoint("viewer", operation_id="get_cascade_risk", answers={200: CascadeRisk})
def get_cascade_risk() -> CascadeRisk:
    """Whether the failure of one dependency is about to spread to others."""
    assessed = core().cascade.assess()
    return CascadeRisk(
        **dict(Risk.of(assessed)),
        generated_at=assessed.at,
        recommendations=assessed.recommendations,
        dependencies=tuple(map(DependencyRisk.of, assessed.dependencies)),
    )
