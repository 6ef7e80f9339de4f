"""A circuit breaker, as every endpoint answers it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from medianest.resilience import State
from medianest.resilience.snapshot import BreakerCounts, BreakerSnapshot, BreakerTotals, describe
from medianest.web.core import Core, core
from medianest.web.models import AnswerModel, Count, LastFailure, Seconds, Share, Timestamp
from medianest.web.other_breakers import ForeignBreaker
from medianest.web.views.breaker_workers import BreakerWorkers, DesiredState
from medianest.web.words import BreakerPackage, BreakerState, CountingMode

__all__ = ["Breaker"]


class OpenedBy(AnswerModel):
    """The figures with which an outage began."""

    figures: Annotated[str, Field(examples=["5 of 8 calls failed"])]
    opened_at: Annotated[Timestamp, Field(validation_alias="at")]


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
        Field(description="Errors that count as failures; null: every error."),
    ]
    ignored_errors: Annotated[
        tuple[str | int, ...] | str | int | None,
        Field(description="Errors that say nothing about the dependency."),
    ]
    failure_rate_threshold: Share
    slow_call_duration_threshold: Annotated[
        Seconds | None, Field(description="Calls of so many seconds are slow; null: none is.")
    ]
    slow_call_rate_threshold: Share
    minimum_number_of_calls: Count
    backoff_factor: Annotated[
        float, Field(ge=1, description="The wait is multiplied by it for each opening in a row.")
    ]
    max_reset_timeout: Seconds
    jitter: Annotated[Share, Field(description="The share by which a wait varies at random.")]
    half_open_timeout: Seconds
    counting: CountingMode
    failure_if: Annotated[
        str | None, Field(description="The function that says which results are failures.")
    ]


class Breaker(AnswerModel):
    """A circuit breaker at one instant, and its configuration. One that other code of the process
    made with the circuitbreaker package itself can only be closed and reset, and what that package
    does not know of it is null."""

    name: str
    package: Annotated[BreakerPackage, Field(description="Whose breaker it is.")]
    state: BreakerState
    changed_at: Annotated[Timestamp | None, Field(validation_alias="since")]
    generation: Annotated[
        int | None, Field(ge=0, description="A number that grows with each change of the state.")
    ]
    next_attempt_at: Annotated[
        Timestamp | None,
        Field(
            validation_alias="next_attempt",
            description="When an open breaker lets the next probe through.",
        ),
    ]
    retry_after_seconds: Annotated[
        Seconds | None,
        Field(
            validation_alias="retry_after",
            description="The time until then; null where waiting does not help.",
        ),
    ]
    opened_by: Annotated[
        OpenedBy | None,
        Field(description="The figures with which it opened; null while it is closed."),
    ]
    reason: Annotated[str | None, Field(description="Why it is in this state.")]
    actor: Annotated[
        str | None, Field(description="The operator who set this state; null: nobody did.")
    ]
    expires_at: Annotated[
        Timestamp | None, Field(description="When what an operator did expires; null: never.")
    ]
    desired: Annotated[
        DesiredState | None, Field(description="What an operator wants; null: nothing.")
    ]
    workers: Annotated[
        BreakerWorkers | None,
        Field(
            description="How it is in each worker of this host; null: they do not know each other."
        ),
    ]
    counts: BreakerCounts | None
    failure_rate: Annotated[Share | None, Field(description="Null without calls.")]
    slow_call_rate: Annotated[Share | None, Field(description="Null without calls.")]
    latency_seconds: Annotated[CallLatency | None, Field(validation_alias="latency")]
    in_flight: Count | None
    consecutive_failures: Count
    last_failure: LastFailure | None
    openings_in_a_row: Count | None
    totals: BreakerTotals | None
    config: BreakerConfig | None

    @classmethod
    def of(cls, seen: BreakerSnapshot) -> Breaker:
        """As it was seen, with its configuration and what opened it."""
        here = core()
        breaker = here.registry.find_breaker(seen.name)
        is_open = seen.state in (State.OPEN, State.HALF_OPEN)
        told = set(seen.__slots__) - {"durations"}  # those are for /metrics
        values: dict[str, Any] = {name: getattr(seen, name) for name in told}
        override = here.override_of(seen.name)
        return cls.model_validate(
            {
                **values,
                "package": "medianest",
                "config": None if breaker is None else breaker.options.describe(),
                "opened_by": here.monitoring.openings.of(seen.name) if is_open else None,
                "desired": None if override is None else DesiredState.of(override),
                "workers": _workers(here, seen),
            }
        )

    @classmethod
    def of_other(cls, breaker: ForeignBreaker) -> Breaker:
        """Of one of another package, as it was seen."""
        unknown: dict[str, Any] = dict.fromkeys(cls.model_fields)
        last = breaker.last_failure
        if last is not None:
            kind, message = describe(last)
            unknown["last_failure"] = {"type": kind, "message": message, "failed_at": None}
        return cls.model_validate(
            {
                **unknown,
                "name": breaker.name,
                "package": "circuitbreaker",
                "state": breaker.state,
                "consecutive_failures": breaker.failures_in_a_row,
                "next_attempt_at": breaker.next_attempt,
                "retry_after_seconds": breaker.retry_after,
            }
        )


def _workers(here: Core, seen: BreakerSnapshot) -> BreakerWorkers | None:
    breaker = here.registry.find_breaker(seen.name)
    states = here.states_of(breaker) if breaker is not None else ()
    return BreakerWorkers.of_states(states, seen.state, here.registry.service_of(seen.name))
