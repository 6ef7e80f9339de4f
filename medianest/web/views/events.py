"""`/api/v1/resilience/events`: what has changed by itself or by somebody."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import Field

from medianest.health.change_history import ChangeType
from medianest.web.core import core
from medianest.web.endpoint import endpoint
from medianest.web.journal_page import Complete, journal_page
from medianest.web.models import AnswerModel, NextCursor, RecordId, Timestamp
from medianest.web.parameters import EventFilter, meant
from medianest.web.words import AlertSeverity

__all__ = ["blueprint"]

blueprint = Blueprint("events", __name__, url_prefix="/api/v1/resilience")


class Event(AnswerModel):
    """A circuit breaker, a component or an alert went from one state to another."""

    id: RecordId
    changed_at: Annotated[Timestamp, Field(validation_alias="at")]
    type: ChangeType
    name: Annotated[
        str, Field(description="Of the breaker or the component, or the key of the alert.")
    ]
    before: Annotated[str, Field(description="The state, or of a component the status.")]
    after: str
    message: Annotated[str | None, Field(description="Why.")]
    actor: Annotated[str | None, Field(description="Who did it; null: it came by itself.")]
    severity: Annotated[AlertSeverity | None, Field(description="Null of what is no alert.")]
    worker: Annotated[
        str,
        Field(
            description="The process that saw it: its host, and of several workers there its "
            "number."
        ),
    ]


class EventPage(AnswerModel):
    """Some events, newest first."""

    items: tuple[Event, ...]
    next: NextCursor
    is_complete: Complete


@blueprint.get("/events")
@endpoint("viewer", operation_id="list_events", query=EventFilter, answers={200: EventPage})
def list_events(query: EventFilter) -> EventPage:
    """What has changed, newest first, as all processes saw it; without the database, what this one
    remembers."""
    here = core()
    if query.name is not None:
        query = query.model_copy(update={"name": meant(query.name, here.breaker_names())})
    remembered = ((each.at, each.id, each.as_dict()) for each in here.changes.recent())
    return EventPage(**journal_page(here.journals.events, query, remembered, Event.model_validate))
