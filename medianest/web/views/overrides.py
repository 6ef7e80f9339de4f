"""`/api/v1/resilience/overrides`: what operators want of circuit breakers until they end it."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, g
from pydantic import Field

from medianest.web.answers.overrides import BreakerOverride, BreakerOverrides, Kept
from medianest.web.audited import audited
from medianest.web.container import container
from medianest.web.endpoint import endpoint
from medianest.web.problems import ProblemError

__all__ = ["blueprint"]

blueprint = Blueprint("overrides", __name__, url_prefix="/api/v1/resilience/overrides")

Name = Annotated[
    str, Field(min_length=1, max_length=100, description="The name of a circuit breaker.")
]


@blueprint.get("", strict_slashes=False)
@endpoint("viewer", operation_id="list_overrides", answers={200: BreakerOverrides})
def overrides() -> BreakerOverrides:
    """Every override that lasts, also of breakers that do not exist now."""
    here = container()
    found = tuple(
        BreakerOverride.of(each, here.registry.find_breaker(each.breaker))
        for each in here.overrides.active()
    )
    return BreakerOverrides(overrides=found, problem=here.overrides.problem)


@blueprint.delete("/<path:name>")
@endpoint("operator", operation_id="end_override", answers={200: Kept, 202: Kept})
def end_override(name: Name) -> tuple[Kept, int]:
    """End an override, also of a breaker that does not exist now; for others it is the action
    `enable`. 202 when this is obeyed, but could be kept nowhere yet."""
    here = container()
    if all(each.breaker != name for each in here.overrides.active()):
        raise ProblemError("not-found", f"there is no override of {name!r}")
    kept = Kept.of(here.overrides.act(name, "enable", actor=g.actor))
    is_gone = here.registry.find_breaker(name) is None
    audited("circuit-breaker.enable", name, log=is_gone)
    return kept, kept.status
