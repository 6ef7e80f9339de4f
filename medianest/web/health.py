"""`/api/v1/health`: how this server is, for probes and for people."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from medianest import __version__
from medianest.health import Status, overall_status
from medianest.resilience import CircuitBreaker, State
from medianest.resilience.snapshot import plain
from medianest.web.auth import role_required
from medianest.web.parts import parts
from medianest.web.schemas import Nothing, query

__all__ = ["blueprint"]

blueprint = Blueprint("health", __name__, url_prefix="/api/v1/health")

_REFUSING = (State.OPEN, State.FORCED_OPEN)


@blueprint.after_request
def _never_store(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/", strict_slashes=False)
def health() -> ResponseReturnValue:
    """The status of the whole, and nothing that an outsider should not know."""
    query(Nothing)
    here = parts()
    status = overall_status(here.registry.dependencies())
    clock = here.registry.clock
    body = {
        "status": status.value,
        "version": __version__,
        "environment": here.settings.env,
        "uptime_seconds": round(clock.now() - here.lifecycle.started_at, 3),
        "checked_at": plain(clock.utc()),
    }
    return jsonify(body), 503 if status is Status.UNHEALTHY else 200


@blueprint.get("/live")
def live() -> ResponseReturnValue:
    """This process answers; asks nothing of any dependency."""
    return jsonify(status="alive")


@blueprint.get("/ready")
def ready() -> ResponseReturnValue:
    """Whether to send requests here."""
    here = parts()
    reasons = ["draining"] if here.lifecycle.draining else []
    if here.settings.env != "testing" and not here.lifecycle.schema_is_current:
        reasons.append(_schema_reason(here.lifecycle.schema))
    if overall_status(here.registry.dependencies()) is Status.UNHEALTHY:
        reasons.append("a critical dependency is unhealthy")
    status = "not_ready" if reasons else "ready"
    return jsonify(status=status, reasons=reasons), 503 if reasons else 200


def _schema_reason(found: str | None) -> str:
    if found is None:
        return "the database has not been reached yet"
    return f"the tables of the database are at {found}: run flask db upgrade"


@blueprint.get("/circuit-breakers")
@role_required("viewer")
def circuit_breakers() -> ResponseReturnValue:
    """How many breakers are in which state, and each in brief; 503 when one of a critical
    dependency is open."""
    query(Nothing)
    registry = parts().registry
    briefs = [_brief(breaker) for breaker in registry.breakers()]
    states = Counter(brief["state"] for brief in briefs)
    body = {
        "counts": {state.value: states[state.value] for state in State},
        "circuit_breakers": briefs,
    }
    critical = [d for d in registry.dependencies() if d.criticality == "critical"]
    breakers = [dependency.pipeline.find(CircuitBreaker) for dependency in critical]
    cut_off = any(breaker is not None and breaker.state in _REFUSING for breaker in breakers)
    return jsonify(body), 503 if cut_off else 200


def _brief(breaker: CircuitBreaker) -> dict[str, Any]:
    seen = breaker.snapshot()
    return {
        "name": seen.name,
        "state": seen.state.value,
        "since": plain(seen.since),
        "failure_rate": seen.failure_rate,
        "failures": seen.counts.failures,
        "retry_after": seen.retry_after,
    }
