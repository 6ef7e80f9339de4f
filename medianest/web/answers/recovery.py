"""What `/api/v1/resilience/recovery`, `/audit` and `/cascade-risk` answer."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from medianest.resilience import Criticality
from medianest.resilience.recovery.record import Outcome, StepOutcome
from medianest.web.answers.base import (
    AnswerModel,
    Count,
    Cursor,
    Share,
    Timestamp,
)
from medianest.web.words import BreakerState, ErrorTrend, RiskLevel, SuspendedWork

__all__ = [
    "Cascade",
    "Change",
    "Changes",
    "KnownOperation",
    "KnownOperations",
    "Predicted",
    "Recoveries",
    "RecoveryRecord",
    "Rehearsals",
    "Rehearsed",
]

RecordId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Complete = Annotated[
    bool, Field(description="False without the database: then it is what this process has.")
]


class RecoveryStep(AnswerModel):
    """What one action did."""

    action: str
    outcome: StepOutcome
    detail: str
    seconds: Annotated[float, Field(ge=0, description="How long it took in all.")]
    attempt: Count
    count: Annotated[int, Field(ge=1, description="How often it did that.")] = 1


class RecoveryRecord(AnswerModel):
    """One failure and everything that was tried against it; or, with a `count`, all failures of
    an operation in one outage that an action answered."""

    at: Annotated[Timestamp, Field(description="When the call failed; the first of them.")]
    operation: str
    service: str
    outcome: Outcome
    recovered_by: Annotated[str | None, Field(description="The action that helped.")]
    error_type: str
    error_message: str
    attempts: Annotated[int, Field(ge=0, description="How often the operation was run.")]
    seconds: Annotated[float, Field(ge=0, description="How long recovery took in all.")]
    steps: tuple[RecoveryStep, ...]
    count: Annotated[int, Field(ge=1, description="How many calls failed.")] = 1
    last_at: Annotated[
        Timestamp | None, Field(description="When the last of them did; null of a single failure.")
    ] = None
    ended_at: Annotated[
        Timestamp | None,
        Field(
            description="When the operation succeeded again; null of a single failure, and "
            "while it lasts."
        ),
    ] = None
    oldest_age: Annotated[
        float | None,
        Field(ge=0, description="Of the last good answers served, in seconds; null: none were."),
    ] = None
    rehearsal: bool = False
    correlation_id: Annotated[str | None, Field(description="The trace id of the request.")]
    user: Annotated[str | None, Field(description="The role for which it failed.")]
    metadata: Annotated[dict[str, Any], Field(description="Short, and without secrets.")]
    id: RecordId


class Recoveries(AnswerModel):
    """Some recoveries, newest first."""

    recoveries: tuple[RecoveryRecord, ...]
    next_cursor: Cursor
    complete: Complete


class Rehearsals(AnswerModel):
    """What rehearsals did, newest first."""

    rehearsals: tuple[RecoveryRecord, ...]


class KnownOperation(AnswerModel):
    """A kind of call that recovery knows."""

    name: str
    service: str
    actions: Annotated[
        tuple[str, ...], Field(description="That are for it, in the order in which they are tried.")
    ]
    arguments: Annotated[
        tuple[str, ...], Field(description="That a rehearsal may give in its context.")
    ]


class KnownOperations(AnswerModel):
    """All of them by name."""

    operations: tuple[KnownOperation, ...]


class Change(AnswerModel):
    """Something that an operator changed."""

    id: RecordId
    at: Timestamp
    actor: str
    action: str
    target: str
    reason: str | None
    address: Annotated[str | None, Field(description="From where it was asked for.")]
    correlation_id: Annotated[str | None, Field(description="The trace id of the request.")]
    detail: dict[str, Any]


class Changes(AnswerModel):
    """Some changes, newest first."""

    changes: tuple[Change, ...]
    next_cursor: Cursor
    complete: Complete


class Predicted(AnswerModel):
    """Whether an action would be tried."""

    action: str
    priority: Annotated[int, Field(description="The highest is tried first.")]
    applies: bool
    why_not: str | None


class Rehearsed(AnswerModel):
    """Which actions would be tried against an error, and what they did if that was wanted."""

    operation: str
    service: str
    error: Annotated[str, Field(description="The type of the error that stands for it.")]
    actions: tuple[Predicted, ...]
    executed: RecoveryRecord | None


class Stress(AnswerModel):
    """What a dependency suffers."""

    score: Annotated[float, Field(ge=0, le=1, description="The worst of its parts.")]
    breaker: Share
    breaker_state: BreakerState | None
    error_rate: Annotated[float | None, Field(ge=0, le=1, description="Null over few calls.")]
    error_trend: ErrorTrend
    bulkhead_saturation: Share | None
    retry_amplification: Annotated[float | None, Field(ge=0, description="Attempts per call.")]


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
    risk: Annotated[float, Field(ge=0, le=1, description="The stress times the impact.")]
    recommendations: tuple[str, ...]
    blast_radius: BlastRadius


class Cascade(AnswerModel):
    """Whether the trouble of one dependency is about to become everybody's."""

    risk: RiskLevel
    at: Timestamp
    score: Annotated[float, Field(ge=0, le=100)]
    held_back: Annotated[tuple[SuspendedWork, ...], Field(description="Work that waits meanwhile.")]
    recommendations: tuple[str, ...]
    dependencies: tuple[DependencyRisk, ...]
