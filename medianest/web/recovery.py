"""`/api/v1/resilience/recovery`, `/cascade-risk`, `/audit`: what was tried and what may happen."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import Blueprint

from medianest.resilience import (
    CallRefusedError,
    CircuitOpenError,
    ConfigurationError,
    RecoveryContext,
)
from medianest.resilience.outcome import example_of
from medianest.storage import StorageError
from medianest.storage.journal import Journal
from medianest.storage.page import Cursor
from medianest.web.answers.recovery import (
    Cascade,
    Changes,
    Predicted,
    Recoveries,
    RecoveryRecord,
    Rehearsed,
)
from medianest.web.audited import audited
from medianest.web.endpoint import endpoint
from medianest.web.parts import parts
from medianest.web.problems import ProblemError
from medianest.web.schemas import AuditFilter, Cut, HistoryFilter, Rehearsal

__all__ = ["blueprint"]

blueprint = Blueprint("recovery", __name__, url_prefix="/api/v1/resilience")


@blueprint.get("/recovery/history")
@endpoint("viewer", query=HistoryFilter, answers={200: Recoveries})
def history(query: HistoryFilter) -> Recoveries:
    """What was tried after failures, newest first; without the database, what this process
    remembers."""
    here = parts()
    remembered = ((r.at, r.id, r.as_dict()) for r in here.service.recovery.history.records())
    return Recoveries.model_validate(_page(here.history, "recoveries", query, remembered))


@blueprint.get("/audit")
@endpoint("viewer", query=AuditFilter, answers={200: Changes})
def audit(query: AuditFilter) -> Changes:
    """What operators changed, newest first; without the database, what is not written yet."""
    here = parts()
    waiting = ((row["at"], row["id"], row["record"]) for row in here.audit.waiting())
    return Changes.model_validate(_page(here.audit, "changes", query, waiting))


def _page(
    journal: Journal,
    name: str,
    wanted: Cut,
    remembered: Iterable[tuple[datetime, str, dict[str, Any]]],
) -> dict[str, Any]:
    """A page of a journal, or of what is remembered, newest first; `complete` tells which."""
    columns = wanted.model_dump(exclude={"limit", "cursor"}, exclude_none=True)
    after = Cursor.parse(wanted.cursor)
    try:
        records, cursor = journal.page(columns, after, wanted.limit)
    except (StorageError, CallRefusedError):
        found = [
            (at, key, record)
            for at, key, record in remembered
            if all(record[column] == value for column, value in columns.items())
            and (after is None or (at, key) < (after.at, after.id))
        ][: wanted.limit + 1]
        more = len(found) > wanted.limit
        found = found[: wanted.limit]
        records = [record for _, _, record in found]
        cursor = Cursor(*found[-1][:2]) if more else None
        return {name: records, "next_cursor": cursor and str(cursor), "complete": False}
    return {name: records, "next_cursor": cursor and str(cursor), "complete": True}


@blueprint.post("/recovery/test")
@endpoint("operator", body=Rehearsal, answers={200: Rehearsed})
def rehearse(body: Rehearsal) -> Rehearsed:
    """Which recovery actions would be tried against an error, or, with `execute`, what they do."""
    error = _example(body)
    context = RecoveryContext(
        operation=body.operation,
        service=body.service,
        metadata={**body.context, "rehearsal": True},
        cache_key=_key(body.context),
    )
    manager = parts().service.recovery
    predicted = tuple(map(Predicted.model_validate, manager.predict(error, context)))
    executed = None
    if body.execute:
        audited("recovery.rehearse", body.service, detail={"error": body.error})
        executed = RecoveryRecord.model_validate(manager.rehearse(error, context).as_dict())
    return Rehearsed(error=type(error).__name__, actions=predicted, executed=executed)


def _example(wanted: Rehearsal) -> Exception:
    if wanted.error == "circuit-open":
        return CircuitOpenError(wanted.service, 30.0)
    try:
        return example_of(wanted.error)
    except ConfigurationError as error:
        fault = {"field": "error", "message": f'{error}, or "circuit-open"'}
        raise ProblemError("invalid", fault["message"], {"errors": [fault]}) from None


def _key(context: dict[str, Any]) -> str | None:
    key = context.get("cache_key")
    return key if isinstance(key, str) else None


@blueprint.get("/cascade-risk")
@endpoint("viewer", answers={200: Cascade})
def cascade_risk() -> Cascade:
    """Whether the trouble of one dependency is about to become everybody's."""
    return Cascade.model_validate(parts().cascade.assess().as_dict())
