"""`/api/v1/resilience/cascade-risk`: what may happen."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import Field

from medianest.resilience import Criticality
from medianest.web.container import container
from medianest.web.endpoint import endpoint
from medianest.web.models import (
    AnswerModel,
    Number,
    Share,
    Timestamp,
)
from medianest.web.words import BreakerState, ErrorTrend, RiskLevel, SuspendedWork

__all__ = ["blueprint"]

blueprint = Blueprint("cascade", __name__, url_prefix="/api/v1/resilience")


class Stress(AnswerModel):
    """What a dependency suffers."""

    score: Annotated[Share, Field(description="The worst of its parts.")]
    breaker: Share
    breaker_state: BreakerState | None
    error_rate: Annotated[Share | None, Field(description="Null over few calls.")]
    error_trend: ErrorTrend
    bulkhead_saturation: Share | None
    retry_amplification: Annotated[Number | None, Field(description="Attempts per call.")]


class BlastRadius(AnswerModel):
    """Who suffers with a dependency."""

    dependents: tuple[str, ...]
    routes: tuple[str, ...]


class DependencyRisk(AnswerModel):
    """One dependency: how it fares, who suffers with it, and what to do."""

    name: str
    criticality: Criticality
    depends_on: tuple[str, ...]
    stress: Stress
    risk: Annotated[Share, Field(description="The stress times the impact.")]
    recommendations: tuple[str, ...]
    blast_radius: BlastRadius


class Cascade(AnswerModel):
    """Whether the trouble of one dependency is about to become everybody's."""

    risk: RiskLevel
    generated_at: Annotated[Timestamp, Field(validation_alias="at")]
    score: Annotated[float, Field(ge=0, le=100)]
    held_back: Annotated[tuple[SuspendedWork, ...], Field(description="Work that waits meanwhile.")]
    recommendations: tuple[str, ...]
    dependencies: tuple[DependencyRisk, ...]


@blueprint.get("/cascade-risk")
@endpoint("viewer", operation_id="get_cascade_risk", answers={200: Cascade})
def cascade_risk() -> Cascade:
    """Whether the trouble of one dependency is about to become everybody's."""
    return Cascade.model_validate(container().cascade.assess().as_dict())
