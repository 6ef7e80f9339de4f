"""What `/api/v1/resilience/circuit-breakers` answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from medianest.resilience import CircuitBreaker
from medianest.web.answers.base import (
    AnswerModel,
    BreakerState,
    Count,
    Seconds,
    Share,
    Timestamp,
)

__all__ = ["Breaker", "Breakers", "CallTotals"]


class Failure(AnswerModel):
    """The last failure that was counted."""

    type: str
    message: str
    at: Timestamp


class CallCounts(AnswerModel):
    """Finished calls within the monitoring period, since the state began."""

    successes: Count
    failures: Count
    slow: Annotated[int, Field(ge=0, description="Good or failed, but slow; counted there, too.")]
    ignored: Count
    unexpected: Count
    rejected: Annotated[int, Field(ge=0, description="Refused since this state began.")]


class CallTotals(AnswerModel):
    """Finished calls since the breaker was made or reset."""

    successes: Count
    failures: Count
    slow: Count
    ignored: Count
    unexpected: Count
    rejected: Count
    openings: Count


class CallLatency(AnswerModel):
    """Durations of finished calls in seconds; null while there are none."""

    p50: Seconds | None
    p95: Seconds | None
    p99: Seconds | None
    max: Seconds | None


class BreakerConfig(AnswerModel):
    """When a breaker opens, how long it waits and how it recovers; times are seconds."""

    failure_threshold: Count
    monitoring_period: Seconds
    reset_timeout: Seconds
    half_open_max_calls: Count
    expected_errors: Annotated[
        tuple[str | int, ...] | str | int | None,
        Field(description="The dependency's failures; null: every error."),
    ]
    ignored_errors: Annotated[
        tuple[str | int, ...] | str | int | None,
        Field(description="Errors that say nothing about the dependency."),
    ]
    failure_rate_threshold: Share
    slow_call_duration_threshold: Annotated[
        float | None, Field(ge=0, description="Calls of so many seconds are slow; null: none is.")
    ]
    slow_call_rate_threshold: Share
    minimum_number_of_calls: Count
    backoff_factor: Annotated[
        float, Field(ge=1, description="Each opening in a row waits this many times longer.")
    ]
    max_reset_timeout: Seconds
    jitter: Annotated[float, Field(ge=0, le=1, description="Share by which a wait varies.")]
    half_open_timeout: Seconds
    counting: Literal["window", "consecutive"]
    failure_if: Annotated[
        str | None, Field(description="The function that says which results are failures.")
    ]


class Breaker(AnswerModel):
    """A circuit breaker at one instant, and its configuration."""

    name: str
    state: BreakerState
    since: Timestamp
    generation: Annotated[int, Field(ge=0, description="Grows with each change of the state.")]
    next_attempt: Annotated[
        Timestamp | None, Field(description="When an open breaker lets a probe through.")
    ]
    retry_after: Annotated[float | None, Field(ge=0, description="Seconds until then.")]
    reason: Annotated[str | None, Field(description="An operator's.")]
    actor: Annotated[str | None, Field(description="Who brought this state about by hand.")]
    expires_at: Annotated[
        Timestamp | None, Field(description="When what an operator did ends by itself.")
    ]
    counts: CallCounts
    failure_rate: Annotated[float | None, Field(ge=0, le=1, description="Null without calls.")]
    slow_call_rate: Annotated[float | None, Field(ge=0, le=1, description="Null without calls.")]
    latency: CallLatency
    in_flight: Count
    consecutive_failures: Count
    last_failure: Failure | None
    openings_in_a_row: Count
    totals: CallTotals
    config: BreakerConfig

    @classmethod
    def of(cls, breaker: CircuitBreaker) -> Breaker:
        """As it is now."""
        seen = breaker.snapshot().as_dict()
        return cls.model_validate({**seen, "config": breaker.options.describe()})


class Breakers(AnswerModel):
    """Every circuit breaker."""

    circuit_breakers: tuple[Breaker, ...]
