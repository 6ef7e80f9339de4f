"""`/api/v1/resilience`: what the resilience is doing, and the operator's hand on it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from flask import Blueprint, g
from pydantic import Field

from medianest.health.openings import Opening
from medianest.resilience import CircuitBreaker, State
from medianest.resilience.snapshot import describe
from medianest.web.audited import audited
from medianest.web.container import container
from medianest.web.endpoint import endpoint
from medianest.web.models import (
    AnswerModel,
    Count,
    Seconds,
    Share,
    Timestamp,
)
from medianest.web.other_breakers import OtherBreaker
from medianest.web.problems import ProblemError
from medianest.web.schemas import BreakerAction
from medianest.web.views.overrides import Kept
from medianest.web.words import BreakerPackage, BreakerState, CountingMode

__all__ = ["ActedBreaker", "Breaker", "Breakers", "CallTotals", "blueprint"]


class Failure(AnswerModel):
    """The last failure that was counted."""

    type: str
    message: str
    failed_at: Annotated[Timestamp | None, Field(validation_alias="at")]


class OpenedBy(AnswerModel):
    """The figures with which an outage began."""

    figures: Annotated[str, Field(examples=["5 of 8 calls failed"])]
    opened_at: Annotated[Timestamp, Field(validation_alias="at")]


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
        Seconds | None, Field(description="Calls of so many seconds are slow; null: none is.")
    ]
    slow_call_rate_threshold: Share
    minimum_number_of_calls: Count
    backoff_factor: Annotated[
        float, Field(ge=1, description="Each opening in a row waits this many times longer.")
    ]
    max_reset_timeout: Seconds
    jitter: Annotated[Share, Field(description="Share by which a wait varies.")]
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
        int | None, Field(ge=0, description="Grows with each change of the state.")
    ]
    next_attempt_at: Annotated[
        Timestamp | None,
        Field(
            validation_alias="next_attempt",
            description="When an open breaker lets a probe through.",
        ),
    ]
    retry_after_seconds: Annotated[
        Seconds | None,
        Field(
            validation_alias="retry_after", description="Until then; null where waiting is no help."
        ),
    ]
    opened_by: Annotated[OpenedBy | None, Field(description="What opened an open breaker.")]
    reason: Annotated[str | None, Field(description="Why it is in this state.")]
    actor: Annotated[str | None, Field(description="Who brought this state about by hand.")]
    expires_at: Annotated[
        Timestamp | None, Field(description="When what an operator did ends by itself.")
    ]
    counts: CallCounts | None
    failure_rate: Annotated[Share | None, Field(description="Null without calls.")]
    slow_call_rate: Annotated[Share | None, Field(description="Null without calls.")]
    latency_seconds: Annotated[CallLatency | None, Field(validation_alias="latency")]
    in_flight: Count | None
    consecutive_failures: Count
    last_failure: Failure | None
    openings_in_a_row: Count | None
    totals: CallTotals | None
    config: BreakerConfig | None

    @classmethod
    def of(cls, breaker: CircuitBreaker, opened_by: Opening | None) -> Breaker:
        """As it is now, and what opened it."""
        seen = breaker.snapshot()
        more: dict[str, Any] = {"package": "medianest", "config": breaker.options.describe()}
        is_over = seen.state not in (State.OPEN, State.HALF_OPEN)
        more["opened_by"] = None if is_over or opened_by is None else asdict(opened_by)
        return cls.model_validate({**seen.as_dict(), **more})

    @classmethod
    def of_other(cls, breaker: OtherBreaker) -> Breaker:
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


class ActedBreaker(Breaker):
    """A circuit breaker after an operator's action."""

    kept: Annotated[
        Kept | None,
        Field(description="Null for one of the circuitbreaker package, which keeps nothing."),
    ]

    @classmethod
    def after(cls, breaker: Breaker, kept: Kept | None) -> ActedBreaker:
        """As it is now."""
        return cls(**dict(breaker), kept=kept)


class Breakers(AnswerModel):
    """Every circuit breaker."""

    circuit_breakers: tuple[Breaker, ...]


blueprint = Blueprint("resilience", __name__, url_prefix="/api/v1/resilience")

Name = Annotated[
    str, Field(min_length=1, max_length=100, description="The name of a circuit breaker.")
]


@blueprint.get("/circuit-breakers")
@endpoint("viewer", operation_id="list_circuit_breakers", answers={200: Breakers})
def breakers() -> Breakers:
    """Every breaker's snapshot and configuration; those that other code of the process made with
    the circuitbreaker package come last."""
    ours = map(_seen, container().registry.breakers())
    return Breakers(circuit_breakers=(*ours, *map(Breaker.of_other, container().other_breakers())))


@blueprint.get("/circuit-breakers/<path:name>")
@endpoint("viewer", operation_id="get_circuit_breaker", answers={200: Breaker})
def breaker(name: Name) -> Breaker:
    """One breaker's snapshot and configuration."""
    found = _find(name)
    return _seen(found) if found is not None else Breaker.of_other(_find_other(name))


@blueprint.post("/circuit-breakers/<path:name>/action")
@endpoint(
    "operator",
    operation_id="act_on_circuit_breaker",
    body=BreakerAction,
    answers={200: ActedBreaker, 202: ActedBreaker},
    problems=("conflict",),
)
def act_on_breaker(name: Name, body: BreakerAction) -> tuple[ActedBreaker, int]:
    """Open, close, reset, disable or enable a breaker. `open` and `disable` outlive restarts, until
    they expire or an operator ends them; 202 when this is obeyed, but could be kept nowhere yet.
    One of the circuitbreaker package can only be closed or reset, which is the same to it."""
    found = _find(name)
    if found is None:
        return ActedBreaker.after(_act_on_other(name, body), None), 200
    kept = Kept.of(
        container().overrides.act(
            name, body.action, reason=body.reason, actor=g.actor, expires_in=body.expires_in_seconds
        )
    )
    detail = {} if (wait := body.expires_in_seconds) is None else {"expires_in_seconds": wait}
    audited(f"circuit-breaker.{body.action}", name, body.reason, detail, log=False)
    return ActedBreaker.after(_seen(found), kept), kept.status


def _act_on_other(name: str, wanted: BreakerAction) -> Breaker:
    found = _find_other(name)
    if wanted.action not in ("close", "reset"):
        raise ProblemError(
            "conflict",
            f"{name!r} was made with the circuitbreaker package, whose breakers can only be "
            f"closed or reset; those of medianest.bridges.circuitbreaker know "
            f"{wanted.action!r} as well",
        )
    found.reset()
    audited(f"circuit-breaker.{wanted.action}", name, wanted.reason)
    return Breaker.of_other(_find_other(name))


def _seen(breaker: CircuitBreaker) -> Breaker:
    return Breaker.of(breaker, container().monitoring.openings.of(breaker.name))


def _find(name: str) -> CircuitBreaker | None:
    return container().registry.find_breaker(name)


def _find_other(name: str) -> OtherBreaker:
    for other in container().other_breakers():
        if other.name == name:
            return other
    raise ProblemError("not-found", f"there is no circuit breaker {name!r}{_of_dependency(name)}")


def _of_dependency(name: str) -> str:
    services = [each.service for each in container().registry.dependencies() if each.name == name]
    return f"; that of this dependency is {services[0]!r}" if services else ""
