"""`/api/v1/resilience/recovery`, `/cascade-risk`, `/audit`: what was tried and what may happen."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

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
from medianest.web.audited import audited
from medianest.web.auth import role_required
from medianest.web.parts import parts
from medianest.web.problems import ProblemError
from medianest.web.schemas import AuditFilter, Cut, HistoryFilter, Nothing, Rehearsal, body, query

__all__ = ["blueprint"]

blueprint = Blueprint("recovery", __name__, url_prefix="/api/v1/resilience")


@blueprint.get("/recovery/history")
@role_required("viewer")
def history() -> ResponseReturnValue:
    """What was tried after failures, newest first; without the database, what this process
    remembers."""
    here, wanted = parts(), query(HistoryFilter)
    remembered = ((r.at, r.id, r.as_dict()) for r in here.service.recovery.history.records())
    return jsonify(_page(here.history, "recoveries", wanted, remembered))


@blueprint.get("/audit")
@role_required("viewer")
def audit() -> ResponseReturnValue:
    """What operators changed, newest first; without the database, what is not written yet."""
    here, wanted = parts(), query(AuditFilter)
    waiting = ((row["at"], row["id"], row["record"]) for row in here.audit.waiting())
    return jsonify(_page(here.audit, "changes", wanted, waiting))


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
@role_required("operator")
def rehearse() -> ResponseReturnValue:
    """Which recovery actions would be tried against an error, or, with `execute`, what they do."""
    query(Nothing)
    wanted = body(Rehearsal)
    error = _example(wanted)
    context = RecoveryContext(
        operation=wanted.operation,
        service=wanted.service,
        metadata={**wanted.context, "rehearsal": True},
        cache_key=_key(wanted.context),
    )
    manager = parts().service.recovery
    predicted = [
        {"action": p.action, "priority": p.priority, "applies": p.applies, "why_not": p.why_not}
        for p in manager.predict(error, context)
    ]
    answer: dict[str, Any] = {"error": type(error).__name__, "actions": predicted, "executed": None}
    if wanted.execute:
        audited("recovery.rehearse", wanted.service, detail={"error": wanted.error})
        answer["executed"] = manager.rehearse(error, context).as_dict()
    return jsonify(answer)


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
@role_required("viewer")
def cascade_risk() -> ResponseReturnValue:
    """Whether the trouble of one dependency is about to become everybody's."""
    query(Nothing)
    return jsonify(parts().cascade.assess().as_dict())
