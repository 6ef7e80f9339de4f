"""What `/api/v1/health` answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from medianest.config.settings import Environment
from medianest.web.answers.base import (
    AnswerModel,
    BreakerState,
    Count,
    Seconds,
    Timestamp,
)

__all__ = ["BreakerBrief", "BreakerBriefs", "BreakerStates", "Health", "Live", "Ready", "Status"]

Status = Literal["healthy", "degraded", "unhealthy"]


class Health(AnswerModel):
    """The status of the whole."""

    status: Status
    version: str
    environment: Environment
    uptime_seconds: Seconds
    checked_at: Timestamp


class Live(AnswerModel):
    """This process answers."""

    status: Literal["alive"] = "alive"


class Ready(AnswerModel):
    """Whether to send requests here, and why not."""

    status: Literal["ready", "not_ready"]
    reasons: tuple[str, ...]


class BreakerStates(AnswerModel):
    """How many breakers are in which state."""

    closed: Count
    open: Count
    half_open: Count
    forced_open: Count
    disabled: Count


class BreakerBrief(AnswerModel):
    """A circuit breaker in brief."""

    name: str
    state: BreakerState
    since: Timestamp
    failure_rate: Annotated[float | None, Field(ge=0, le=1, description="Null without calls.")]
    failures: Count
    retry_after: Annotated[
        float | None, Field(ge=0, description="Seconds until it lets a probe through.")
    ]


class BreakerBriefs(AnswerModel):
    """Every circuit breaker in brief."""

    counts: BreakerStates
    circuit_breakers: tuple[BreakerBrief, ...]
