"""`/api/v1/resilience/recovery`: what was tried, and what would be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from medianest.resilience import ConfigurationError
from medianest.resilience.recovery import CIRCUIT_OPEN, NamedOperation, Prediction
from medianest.resilience.recovery.record import Outcome, StepOutcome
from medianest.web.audited import audited
from medianest.web.core import core
from medianest.web.endpoint import endpoint
from medianest.web.journal_page import Complete, journal_page
from medianest.web.models import (
    AnswerModel,
    Count,
    ErrorDetail,
    NextCursor,
    RecordId,
    Seconds,
    Timestamp,
)
from medianest.web.parameters import HistoryFilter, Limit
from medianest.web.problems import ProblemError, invalid
from medianest.web.schemas import Rehearsal

__all__ = ["blueprint"]


class RecoveryStep(AnswerModel):
    """What one action did."""

    action: str
    outcome: StepOutcome
    detail: str
    duration_seconds: Annotated[
        Seconds, Field(validation_alias="seconds", description="How long it took.")
    ]
    attempt: Count
    count: Annotated[int, Field(ge=1, description="How often it did that.")] = 1


class RecoveryRecord(AnswerModel):
    """One failure and everything that was tried against it; or, with a `count`, all failures of
    an operation in one outage that an action answered."""

    failed_at: Annotated[
        Timestamp,
        Field(
            validation_alias="at", description="When the call failed; of several calls, the first."
        ),
    ]
    operation: str
    service: str
    outcome: Outcome
    recovered_by: Annotated[
        str | None, Field(description="The action that helped; null: none did.")
    ]
    error: ErrorDetail
    attempts: Annotated[int, Field(ge=0, description="How often the operation was tried.")]
    duration_seconds: Annotated[
        Seconds, Field(validation_alias="seconds", description="How long recovery took.")
    ]
    steps: tuple[RecoveryStep, ...]
    count: Annotated[int, Field(ge=1, description="How many calls failed.")] = 1
    last_failed_at: Annotated[
        Timestamp | None,
        Field(
            validation_alias="last_at",
            description="When the last of several calls failed; null: it was one call.",
        ),
    ] = None
    ended_at: Annotated[
        Timestamp | None,
        Field(
            description="When the operation succeeded again; null of a single failure, and "
            "while it lasts."
        ),
    ] = None
    oldest_age_seconds: Annotated[
        Seconds | None,
        Field(
            validation_alias="oldest_age",
            description="The age of the oldest answer that was served; null: none was.",
        ),
    ] = None
    rehearsal: bool = False
    trace_id: Annotated[
        str | None, Field(validation_alias="correlation_id", description="Of the request.")
    ]
    user: Annotated[str | None, Field(description="The role of the caller.")]
    metadata: Annotated[
        dict[str, Any],
        Field(description="What the call told about itself, shortened and without secrets."),
    ]
    id: RecordId

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> RecoveryRecord:
        """As it is kept."""
        known = dict(record)
        error = {"type": known.pop("error_type"), "message": known.pop("error_message")}
        return cls.model_validate({**known, "error": error})


class RecoveryPage(AnswerModel):
    """Some recoveries, newest first."""

    items: tuple[RecoveryRecord, ...]
    next: NextCursor
    is_complete: Complete


class Rehearsals(AnswerModel):
    """What rehearsals did, newest first."""

    items: tuple[RecoveryRecord, ...]


class RecoveryOperation(AnswerModel):
    """A kind of call that recovery knows."""

    name: str
    service: str
    actions: Annotated[
        tuple[str, ...],
        Field(description="The recovery actions for it, in the order in which they are tried."),
    ]
    arguments: Annotated[
        tuple[str, ...],
        Field(description="Names of arguments that a rehearsal may give in its context."),
    ]


class RecoveryOperations(AnswerModel):
    """All of them by name."""

    operations: tuple[RecoveryOperation, ...]


class RehearsalResult(AnswerModel):
    """Which actions would be tried against an error, and what they did if that was wanted."""

    operation: str
    service: str
    error: Annotated[str, Field(description="The class of the error that was rehearsed.")]
    actions: tuple[Prediction, ...]
    executed: RecoveryRecord | None


blueprint = Blueprint("recovery", __name__, url_prefix="/api/v1/resilience")


@blueprint.get("/recovery/history")
@endpoint(
    "viewer", operation_id="list_recoveries", query=HistoryFilter, answers={200: RecoveryPage}
)
def list_recoveries(query: HistoryFilter) -> RecoveryPage:
    """What was tried after failures, newest first; without the database, what this process
    remembers."""
    here = core()
    remembered = ((r.at, r.id, r.as_dict()) for r in here.service.recovery.history.records())
    return RecoveryPage(**journal_page(here.journals.history, query, remembered, RecoveryRecord.of))


@blueprint.get("/recovery/rehearsals")
@endpoint("viewer", operation_id="list_rehearsals", query=Limit, answers={200: Rehearsals})
def list_rehearsals(query: Limit) -> Rehearsals:
    """What rehearsals did, newest first, as far as this process remembers. They are not in the
    history, and count for nothing."""
    found = core().service.recovery.history.rehearsals()[: query.limit]
    return Rehearsals(items=tuple(RecoveryRecord.of(record.as_dict()) for record in found))


@blueprint.get("/recovery/operations")
@endpoint("viewer", operation_id="list_recovery_operations", answers={200: RecoveryOperations})
def list_recovery_operations() -> RecoveryOperations:
    """The operations that recovery knows, and which actions are for them."""
    manager = core().service.recovery
    known = tuple(
        RecoveryOperation(
            name=operation.name,
            service=operation.service,
            actions=manager.actions_for(operation),
            arguments=() if operation.good is None else operation.good.arguments,
        )
        for operation in manager.operations.all()
    )
    return RecoveryOperations(operations=known)


@blueprint.post("/recovery/test")
@endpoint(
    "operator",
    operation_id="rehearse_recovery",
    body=Rehearsal,
    answers={200: RehearsalResult},
    problems=["not-found"],
)
def rehearse_recovery(body: Rehearsal) -> RehearsalResult:
    """Which recovery actions would be tried against an error, or, with `execute`, what they do."""
    manager, operation = core().service.recovery, _operation(body)
    with _told("error"):
        error = manager.operations.sample_error(operation.service, body.error)
    with _told("context"):
        context = operation.rehearsal(body.context)
    predicted = tuple(manager.predict(error, context))
    executed = None
    if body.execute:
        record = manager.rehearse(error, context, operation.max_attempts)
        executed = RecoveryRecord.of(record.as_dict())
        # After it: the record may need the very repair that is rehearsed.
        detail = {"operation": operation.name, "error": body.error}
        audited("recovery.rehearse", operation.service, detail=detail)
    return RehearsalResult(
        operation=operation.name,
        service=operation.service,
        error=type(error).__name__,
        actions=predicted,
        executed=executed,
    )


def _operation(wanted: Rehearsal) -> NamedOperation:
    known = core().service.recovery.operations
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
        more = f', or "{CIRCUIT_OPEN}"' if field == "error" else ""
        raise invalid(field, f"{error}{more}") from None
