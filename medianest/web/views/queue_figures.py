"""How many operations of the queue are in which state, as several endpoints answer it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from medianest.health import ComponentHealth
from medianest.web.core import core
from medianest.web.models import AnswerModel, Count, Timestamp

__all__ = ["QueueFigures"]


class QueueFigures(AnswerModel):
    """How many operations are in which state; null while the database cannot tell."""

    pending: Count | None = None
    running: Count | None = None
    done: Count | None = None
    dead: Count | None = None
    failing: Annotated[
        Count | None,
        Field(
            description="How many of the pending ones have failed three times for a reason of "
            "their own."
        ),
    ] = None
    oldest_created_at: Annotated[
        Timestamp | None,
        Field(validation_alias="oldest", description="When the oldest pending operation was made."),
    ] = None
    counted_at: Annotated[Timestamp | None, Field(description="When they were counted.")] = None

    @classmethod
    def of(cls, components: Iterable[ComponentHealth]) -> QueueFigures | None:
        """As its check found them; None in an app that has no queue."""
        if not core().has_queue:
            return None
        found = next((each.detail for each in components if each.name == "queue"), {})
        return cls.model_validate(dict(found))
