"""`/api/v1/resilience/recovery`, `/cascade-risk`, `/audit`: what was tried and what may happen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from flask import Blueprint

from medianest.resilience import CallRefusedError, ConfigurationError
from medianest.resilience.recovery import CIRCUIT_OPEN, NamedOperation
from medianest.storage import StorageError
from medianest.storage.journal import Journal
from medianest.storage.page import Cursor
from medianest.web.answers.recovery import (
    Cascade,
    Changes,
    KnownOperation,
    KnownOperations,
    Predicted,
    Recoveries,
    RecoveryRecord,
    Rehearsals,
    Rehearsed,
)
from medianest.web.audited import audited
from medianest.web.container import container
from medianest.web.endpoint import endpoint
from medianest.web.problems import ProblemError
from medianest.web.schemas import AuditFilter, CursorPage, HistoryFilter, Limit, Rehearsal

__all__ = ["blueprint"]

blueprint = Blueprint("recovery", __name__, url_prefix="/api/v1/resilience")


@blueprint.get("/recovery/history")
@endpoint("viewer", operation_id="list_recoveries", query=HistoryFilter, answers={200: Recoveries})
def history(query: HistoryFilter) -> Recoveries:
    """What was tried after failures, newest first; without the database, what this process
    remembers."""
    here = container()
    remembered = ((r.at, r.id, r.as_dict()) for r in here.service.recovery.history.records())
    return Recoveries.model_validate(_page(here.storage.history, "recoveries", query, remembered))


@blueprint.get("/audit")
@endpoint("viewer", operation_id="list_audit_entries", query=AuditFilter, answers={200: Changes})
def audit(query: AuditFilter) -> Changes:
    """What operators changed, newest first; without the database, what is not written yet."""
    here = container()
    waiting = ((row["at"], row["id"], row["record"]) for row in here.storage.audit.waiting())
    return Changes.model_validate(_page(here.storage.audit, "changes", query, waiting))


def _page(
    journal: Journal,
    name: str,
    wanted: CursorPage,
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


@blueprint.get("/recovery/rehearsals")
@endpoint("viewer", operation_id="list_rehearsals", query=Limit, answers={200: Rehearsals})
def rehearsals(query: Limit) -> Rehearsals:
    """What rehearsals did, newest first, as far as this process remembers. They are not in the
    history, and count for nothing."""
    found = container().service.recovery.history.rehearsals()[: query.limit]
    return Rehearsals.model_validate({"rehearsals": [record.as_dict() for record in found]})


@blueprint.get("/recovery/operations")
@endpoint("viewer", operation_id="list_recovery_operations", answers={200: KnownOperations})
def operations() -> KnownOperations:
    """The operations that recovery knows, and which actions are for them."""
    manager = container().service.recovery
    known = tuple(
        KnownOperation(
            name=operation.name,
            service=operation.service,
            actions=manager.actions_for(operation),
            arguments=() if operation.good is None else operation.good.arguments,
        )
        for operation in manager.operations.all()
    )
    return KnownOperations(operations=known)


@blueprint.post("/recovery/test")
@endpoint(
    "operator",
    operation_id="rehearse_recovery",
    body=Rehearsal,
    answers={200: Rehearsed},
    problems=["not-found"],
)
def rehearse(body: Rehearsal) -> Rehearsed:
    """Which recovery actions would be tried against an error, or, with `execute`, what they do."""
    manager, operation = container().service.recovery, _operation(body)
    with _told("error"):
        error = manager.operations.sample_error(operation.service, body.error)
    with _told("context"):
        context = operation.rehearsal(body.context)
    predicted = tuple(map(Predicted.model_validate, manager.predict(error, context)))
    executed = None
    if body.execute:
        record = manager.rehearse(error, context, operation.max_attempts)
        executed = RecoveryRecord.model_validate(record.as_dict())
        # After it: the record may need the very repair that is rehearsed.
        detail = {"operation": operation.name, "error": body.error}
        audited("recovery.rehearse", operation.service, detail=detail)
    return Rehearsed(
        operation=operation.name,
        service=operation.service,
        error=type(error).__name__,
        actions=predicted,
        executed=executed,
    )


def _operation(wanted: Rehearsal) -> NamedOperation:
    known = container().service.recovery.operations
    listed = {each.name: each.service for each in known.all()}
    service = listed.get(wanted.operation)
    if service is not None and wanted.service in (None, service):
        return known.get(wanted.operation)
    if service is None:
        detail = f"there is no operation {wanted.operation!r}"
    else:
        detail = f"{wanted.operation} is an operation of {service}, not of {wanted.service!r}"
    raise ProblemError("not-found", detail, {"operations": sorted(listed)})


@contextmanager
def _told(field: str) -> Iterator[None]:
    """What is wrong with a field of the body, as a problem."""
    try:
        yield
    except ConfigurationError as error:
        fault = {"field": field, "message": str(error)}
        if field == "error":
            fault["message"] += f', or "{CIRCUIT_OPEN}"'
        raise ProblemError("invalid", fault["message"], {"errors": [fault]}) from None


@blueprint.get("/cascade-risk")
@endpoint("viewer", operation_id="get_cascade_risk", answers={200: Cascade})
def cascade_risk() -> Cascade:
    """Whether the trouble of one dependency is about to become everybody's."""
    return Cascade.model_validate(container().cascade.assess().as_dict())
