"""`/api/v1/resilience/audit`: who changed what, when and why."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from medianest.web.core import core
from medianest.web.endpoint import endpoint
from medianest.web.journal_page import Complete, journal_page
from medianest.web.models import (
    AnswerModel,
    NextCursor,
    RecordId,
    Timestamp,
)
from medianest.web.parameters import AuditFilter, meant

__all__ = ["AuditEntry", "blueprint"]

blueprint = Blueprint("audit", __name__, url_prefix="/api/v1/resilience")


class AuditEntry(AnswerModel):
    """Something that an operator changed."""

    id: RecordId
    changed_at: Annotated[Timestamp, Field(validation_alias="at")]
    actor: str
    action: str
    target: str
    reason: str | None
    address: Annotated[str | None, Field(description="The address that the request came from.")]
    trace_id: Annotated[
        str | None, Field(validation_alias="correlation_id", description="Of the request.")
    ]
    detail: dict[str, Any]


class AuditPage(AnswerModel):
    """Some changes, newest first."""

    items: tuple[AuditEntry, ...]
    next: NextCursor
    is_complete: Complete


@blueprint.get("/audit")
@endpoint("viewer", operation_id="list_audit_entries", query=AuditFilter, answers={200: AuditPage})
def list_audit_entries(query: AuditFilter) -> AuditPage:
    """What operators changed, newest first; without the database, what is not written yet."""
    here = core()
    if query.target is not None:
        query = query.model_copy(update={"target": meant(query.target, here.breaker_names())})
    waiting = ((row["at"], row["id"], row["record"]) for row in here.audit.waiting())
    read = AuditEntry.model_validate
    return AuditPage(**journal_page(here.journals.audit, query, waiting, read))
