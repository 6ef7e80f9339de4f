"""`/api/v1/resilience/circuit-breakers`: each circuit breaker, and what operators do to it."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, g
from pydantic import Field

from medianest.resilience import CircuitBreaker
from medianest.web.audited import audited
from medianest.web.core import core
from medianest.web.endpoint import endpoint
from medianest.web.models import (
    AnswerModel,
)
from medianest.web.other_breakers import ForeignBreaker
from medianest.web.parameters import meant
from medianest.web.problems import ProblemError
from medianest.web.schemas import BreakerAction
from medianest.web.views.breaker_model import Breaker
from medianest.web.views.overrides import OverrideStorage

__all__ = ["blueprint"]


class BreakerActionResult(AnswerModel):
    """A circuit breaker after an operator's action."""

    circuit_breaker: Breaker
    kept: Annotated[
        OverrideStorage | None,
        Field(description="Null for one of the circuitbreaker package, which keeps nothing."),
    ]


class Breakers(AnswerModel):
    """Every circuit breaker."""

    circuit_breakers: tuple[Breaker, ...]


blueprint = Blueprint("circuit_breakers", __name__, url_prefix="/api/v1/resilience")

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        description="The name of a circuit breaker.",
        examples=["plex-media-server"],
    ),
]


@blueprint.get("/circuit-breakers")
@endpoint("viewer", operation_id="list_circuit_breakers", answers={200: Breakers})
def list_circuit_breakers() -> Breakers:
    """Every breaker's snapshot and configuration; those that other code of the process made with
    the circuitbreaker package come last."""
    core().catch_up()
    ours = map(_seen, core().registry.breakers())
    return Breakers(circuit_breakers=(*ours, *map(Breaker.of_other, core().other_breakers())))


@blueprint.get("/circuit-breakers/<path:name>")
@endpoint("viewer", operation_id="get_circuit_breaker", answers={200: Breaker})
def get_circuit_breaker(name: Name) -> Breaker:
    """One breaker's snapshot and configuration."""
    name = meant(name, core().breaker_names())
    core().catch_up()
    found = _find(name)
    return _seen(found) if found is not None else Breaker.of_other(_find_other(name))


@blueprint.post("/circuit-breakers/<path:name>/action")
@endpoint(
    "operator",
    operation_id="act_on_circuit_breaker",
    body=BreakerAction,
    answers={200: BreakerActionResult, 202: BreakerActionResult},
    problems=("conflict",),
)
def act_on_circuit_breaker(name: Name, body: BreakerAction) -> tuple[BreakerActionResult, int]:
    """Open, close, reset, disable or enable a breaker. `open` and `disable` outlive restarts, until
    they expire or an operator ends them; 202 when this is obeyed, but could be kept nowhere yet.
    One of the circuitbreaker package can only be closed or reset, which is the same to it."""
    name = meant(name, core().breaker_names())
    found = _find(name)
    if found is None:
        return BreakerActionResult(circuit_breaker=_act_on_other(name, body), kept=None), 200
    kept = OverrideStorage.of(
        core().overrides.act(
            name, body.action, reason=body.reason, actor=g.actor, expires_in=body.expires_in_seconds
        )
    )
    detail = {} if (wait := body.expires_in_seconds) is None else {"expires_in_seconds": wait}
    audited(f"circuit-breaker.{body.action}", name, body.reason, detail, log=False)
    return BreakerActionResult(circuit_breaker=_seen(found), kept=kept), kept.status


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
    return Breaker.of(breaker.snapshot())


def _find(name: str) -> CircuitBreaker | None:
    return core().registry.find_breaker(name)


def _find_other(name: str) -> ForeignBreaker:
    for other in core().other_breakers():
        if other.name == name:
            return other
    raise ProblemError("not-found", f"there is no circuit breaker {name!r}")
