"""The score, as several endpoints answer it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from medianest.health.score import Rating
from medianest.web.models import AnswerModel

__all__ = ["Score"]


class Deduction(AnswerModel):
    """Points taken off: for what, and why."""

    what: str
    why: str
    points: Annotated[int, Field(ge=1)]


class Score(AnswerModel):
    """100 less a deduction for each thing that is not as it should be."""

    score: Annotated[int, Field(ge=0, le=100)]
    rating: Rating
    deductions: tuple[Deduction, ...]
