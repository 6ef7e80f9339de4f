"""Names for the sets of words that the API uses: each set is one schema of the document, so that a
generated client has one type for it, wherever it stands."""

from __future__ import annotations

from typing import Any, Final, TypeAlias, get_args

from medianest.config.settings import Environment
from medianest.health import alerts
from medianest.health.change_history import ChangeType
from medianest.health.score import Rating
from medianest.health.series import WindowName
from medianest.media.overseerr.wish import MediaType
from medianest.overrides.override import Action
from medianest.queue.operations import State as OperationState
from medianest.resilience import Criticality, DependencyType
from medianest.resilience.options import Scope
from medianest.resilience.recovery.record import Outcome, StepOutcome
from medianest.storage.database import Dialect
from medianest.web import words

__all__ = ["described", "with_names"]

Json: TypeAlias = dict[str, Any]

_NAMED: Final[dict[str, tuple[Any, str]]] = {
    "AlertRule": (alerts.Rule, "What an alert watches."),
    "AlertSeverity": (words.AlertSeverity, "How bad an alert is."),
    "AlertState": (alerts.State, "How an alert stands."),
    "BreakerActionName": (Action, "What an operator can do to a circuit breaker."),
    "BreakerPackage": (words.BreakerPackage, "Whose circuit breaker it is."),
    "BreakerState": (words.BreakerState, "The state of a circuit breaker."),
    "BulkheadScope": (Scope, "Whose places a bulkhead has."),
    "CacheMode": (words.CacheMode, "Where last good answers are kept."),
    "CountingMode": (words.CountingMode, "What a circuit breaker counts."),
    "CpuLimit": (words.CpuLimit, "Whose limit of processors it is."),
    "Criticality": (Criticality, "How badly a dependency or a component is needed."),
    "DatabaseDialect": (Dialect, "Which database it is."),
    "DependencyType": (DependencyType, "What sort of thing a dependency is."),
    "EndingAction": (words.EndingAction, "What ends an override."),
    "EventType": (ChangeType, "What has changed."),
    "Environment": (Environment, "What the server runs for."),
    "ErrorTrend": (words.ErrorTrend, "Where an error rate goes."),
    "LastingAction": (words.LastingAction, "What lasts until it expires or an operator ends it."),
    "MediaService": (words.MediaService, "A server that is asked for titles."),
    "MediaStatus": (words.MediaStatus, "What Overseerr says of a title that it knows."),
    "MediaType": (MediaType, "A movie or a show."),
    "MemoryLimit": (words.MemoryLimit, "Whose limit of memory it is."),
    "OperationState": (OperationState, "How a deferred operation stands."),
    "Rating": (Rating, "A score in a word."),
    "ReadinessStatus": (words.ReadinessStatus, "Whether to send requests here."),
    "RecoveryOutcome": (Outcome, "What came of a recovery."),
    "RequestStatus": (words.RequestStatus, "How a request stands at Overseerr."),
    "RiskLevel": (words.RiskLevel, "How likely it is that trouble spreads."),
    "SeriesWindow": (WindowName, "How far a series goes back."),
    "StepOutcome": (StepOutcome, "What one recovery action did."),
    "SuspendedWork": (words.SuspendedWork, "Work that waits while the risk is high."),
    "TicketState": (words.TicketState, "How a request of ours stands."),
}

_NAME_OF: Final = {frozenset(get_args(literal)): name for name, (literal, _) in _NAMED.items()}


def with_names(schema: Any) -> Any:
    """A schema, or anything that holds schemas, with a reference in the place of each set of words
    that has a name."""
    if isinstance(schema, list):
        return [with_names(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    name = _NAME_OF.get(frozenset(schema["enum"])) if _is_set(schema) else None
    if name is None:
        return {key: with_names(value) for key, value in schema.items()}
    rest = {key: value for key, value in schema.items() if key not in ("enum", "type")}
    return {"$ref": f"#/components/schemas/{name}", **rest}


def described(parts: Json) -> Json:
    """The schemas of the names that parts of a document refer to."""
    text = str(parts)
    return {
        name: {"type": "string", "enum": list(get_args(literal)), "description": about}
        for name, (literal, about) in _NAMED.items()
        if f"#/components/schemas/{name}'" in text
    }


def _is_set(schema: Json) -> bool:
    return isinstance(schema.get("enum"), list)
