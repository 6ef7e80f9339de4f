"""`/api/v1/resilience`: what the resilience is doing, and the operator's hand on it."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, g
from pydantic import Field

from medianest.resilience import CircuitBreaker
from medianest.web.answers.resilience import Breaker, Breakers
from medianest.web.audited import audited
from medianest.web.endpoint import endpoint
from medianest.web.parts import parts
from medianest.web.problems import ProblemError
from medianest.web.schemas import BreakerAction

__all__ = ["blueprint"]

blueprint = Blueprint("resilience", __name__, url_prefix="/api/v1/resilience")

Name = Annotated[
    str, Field(min_length=1, max_length=100, description="The name of a circuit breaker.")
]


@blueprint.get("/circuit-breakers")
@endpoint("viewer", answers={200: Breakers})
def breakers() -> Breakers:
    """Every breaker's snapshot and configuration."""
    return Breakers(circuit_breakers=tuple(map(Breaker.of, parts().registry.breakers())))


@blueprint.get("/circuit-breakers/<path:name>")
@endpoint("viewer", answers={200: Breaker})
def breaker(name: Name) -> Breaker:
    """One breaker's snapshot and configuration."""
    return Breaker.of(_find(name))


@blueprint.post("/circuit-breakers/<path:name>/action")
@endpoint("operator", body=BreakerAction, answers={200: Breaker})
def act_on_breaker(name: Name, body: BreakerAction) -> Breaker:
    """Open, close, reset, disable or enable a breaker."""
    found = _find(name)
    _act(found, body, g.actor)
    detail = {"expires_in": body.expires_in} if body.expires_in is not None else None
    audited(f"circuit-breaker.{body.action}", name, body.reason, detail, log=False)
    return Breaker.of(found)


def _act(breaker: CircuitBreaker, wanted: BreakerAction, actor: str) -> None:
    if wanted.action == "open":
        breaker.open(wanted.reason, expires_in=wanted.expires_in, actor=actor)
    elif wanted.action == "disable":
        breaker.disable(wanted.reason, expires_in=wanted.expires_in, actor=actor)
    else:
        getattr(breaker, wanted.action)(wanted.reason, actor=actor)


def _find(name: str) -> CircuitBreaker:
    found = parts().registry.find_breaker(name)
    if found is None:
        raise ProblemError("not-found", f"there is no circuit breaker {name!r}")
    return found
