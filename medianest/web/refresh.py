"""`?refresh=true`: an operator wants everything checked now."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from medianest.web.parts import parts

__all__ = ["Look", "refreshed"]

_SPARE = 0.5
"""Seconds longer than a check may take."""


class Look(BaseModel):
    """How to look."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    refresh: Annotated[bool, Field(description="Check everything now; for operators.")] = False


def refreshed(wanted: Look) -> None:
    """Run all checks, if that is wanted, and wait for them no longer than they may take. Raises
    ProblemError for anyone but an operator."""
    if wanted.refresh:
        here = parts()
        here.tokens.authorize("operator")
        here.watch.monitor.refresh(here.settings.health.timeout + _SPARE)
        here.watch.reporter.forget()
