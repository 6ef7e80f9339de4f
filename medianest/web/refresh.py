"""How to look at health. `?refresh=true`: an operator wants everything checked now."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from medianest.resilience import BulkheadFullError
from medianest.web.parts import parts

__all__ = ["Anything", "Look", "refreshed"]

_SPARE = 0.5
"""Seconds longer than a check may take."""


class Anything(BaseModel):
    """Parameters that nobody reads: monitors send some, so that no cache answers them."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Look(Anything):
    """How to look."""

    refresh: Annotated[bool, Field(description="Check everything now; for operators.")] = False


def refreshed(wanted: Look) -> None:
    """Run all checks, if that is wanted, and wait for them no longer than they may take; where
    others wait already, not even that: what they find out is told with its age. Raises
    ProblemError for anyone but an operator."""
    if not wanted.refresh:
        return
    here = parts()
    here.tokens.authorize("operator")
    settings = here.settings
    spare = max(1, (settings.threads - settings.in_flight_limit) // 2)
    try:
        place = here.registry.bulkhead("health.refresh", max_concurrent=spare).acquire()
    except BulkheadFullError:  # who waits holds a thread that probes may need
        return
    try:
        here.watch.monitor.refresh(settings.health.timeout + _SPARE)
        here.watch.reporter.forget()
    finally:
        place.release()
