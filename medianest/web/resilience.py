"""`/api/v1/resilience`: what the resilience is doing, and the operator's hand on it."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, Response, g, jsonify
from flask.typing import ResponseReturnValue

from medianest.resilience import CircuitBreaker
from medianest.web.audited import audited
from medianest.web.auth import role_required
from medianest.web.parts import parts
from medianest.web.problems import ProblemError
from medianest.web.schemas import BreakerAction, Nothing, body, query

__all__ = ["blueprint"]

logger = logging.getLogger(__name__)

blueprint = Blueprint("resilience", __name__, url_prefix="/api/v1/resilience")


@blueprint.after_request
def _never_store(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/circuit-breakers")
@role_required("viewer")
def breakers() -> ResponseReturnValue:
    """Every breaker's snapshot and configuration."""
    query(Nothing)
    return jsonify(circuit_breakers=[_rendered(b) for b in parts().registry.breakers()])


@blueprint.get("/circuit-breakers/<path:name>")
@role_required("viewer")
def breaker(name: str) -> ResponseReturnValue:
    """One breaker's snapshot and configuration."""
    query(Nothing)
    return jsonify(_rendered(_find(name)))


@blueprint.post("/circuit-breakers/<path:name>/action")
@role_required("operator")
def act_on_breaker(name: str) -> ResponseReturnValue:
    """Open, close, reset, disable or enable a breaker."""
    query(Nothing)
    found, wanted = _find(name), body(BreakerAction)
    _act(found, wanted, g.actor)
    detail = {"expires_in": wanted.expires_in} if wanted.expires_in is not None else None
    audited(f"circuit-breaker.{wanted.action}", name, wanted.reason, detail, log=False)
    return jsonify(_rendered(found))


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


def _rendered(breaker: CircuitBreaker) -> dict[str, Any]:
    return {**breaker.snapshot().as_dict(), "config": breaker.options.describe()}
