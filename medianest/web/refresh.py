"""How to look at health: `?refresh=true`, with which an operator has everything checked now, and
the 503 of what is unhealthy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from medianest.health.report import Report
from medianest.resilience import BulkheadFullError
from medianest.web.core import core
from medianest.web.models import AnswerModel

__all__ = ["Anything", "Look", "refreshed", "report_response", "served"]

_SPARE = 0.5
"""Seconds longer than a check may take."""


class Anything(BaseModel):
    """Parameters that nobody reads: monitors send some, so that no cache answers them."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Look(Anything):
    """How to look."""

    refresh: Annotated[
        bool, Field(description="Check everything now. Needs an operator's token.")
    ] = False


def refreshed(wanted: Look) -> None:
    """Run all checks, if that is wanted, and wait for them no longer than they may take; where
    others wait already, not even that: what they find out is told with its age. Raises
    ProblemError for anyone but an operator."""
    if not wanted.refresh:
        return
    here = core()
    here.authorize("operator")
    bulkhead = here.registry.bulkhead("health.refresh", max_concurrent=here.refreshing)
    try:
        place = bulkhead.acquire()
    except BulkheadFullError:  # who waits holds a thread that probes may need
        return
    try:
        here.monitoring.monitor.refresh(here.check_timeout + _SPARE)
        here.monitoring.reporter.forget()
    finally:
        place.release()


def served(well: bool) -> tuple[int, dict[str, str]]:
    """200, or 503 with the time until the next checks."""
    seconds = math.ceil(core().interval)
    return (200, {}) if well else (503, {"Retry-After": str(seconds)})


def report_response(name: str, report: Report, make: Callable[[], AnswerModel]) -> Response:
    """An answer about a report, made once for all who ask within its second."""
    text = core().once(name, report, lambda: make().model_dump_json() + "\n")
    headers = {"Cache-Control": "no-store"}
    return Response(text, content_type="application/json", headers=headers)
