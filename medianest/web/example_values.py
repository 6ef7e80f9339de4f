"""What the examples of the OpenAPI document are made of: a house where all is well, seen at noon.

Values stand under the name of a member, or of a model and its member where that member means
something else there. A member that is not here is null where it may be, or as its type allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from medianest import __version__
from medianest.media.overseerr.client import SERVICE as OVERSEERR
from medianest.media.plex.client import SERVICE as PLEX

__all__ = ["NOON", "TEXTS", "VALUES"]

NOON: Final = "2026-01-31T12:00:00.000Z"
_MORNING: Final = "2026-01-31T08:30:00.000Z"
_LATER: Final = "2026-01-31T13:00:00.000Z"
_YEAR_AGO: Final = "2025-02-14T20:15:00.000Z"
_LIBRARIES: Final = "/api/v1/media/libraries"
_AWAY: Final = f"{PLEX}: connection refused"

TEXTS: Final[Mapping[str, str]] = {
    "text/plain": "# TYPE medianest_health_score gauge\nmedianest_health_score 100.0\n",
    "application/openmetrics-text": "# TYPE medianest_health_score gauge\n"
    "medianest_health_score 100.0\n# EOF\n",
    "text/html": "<!doctype html>…",
    "image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg" width="136" height="20" role="img" '
    'aria-label="medianest: healthy">…</svg>',
}
"""Answers that are text, by their type."""

_INSTANTS: Final = {
    "accepted_at": _MORNING, "added_at": _YEAR_AGO, "changed_at": _MORNING, "checked_at": NOON,
    "counted_at": NOON, "created_at": _MORNING, "ended_at": NOON, "expires_at": None,
    "finished_at": NOON, "fired_at": NOON, "first_failed_at": None, "in_doubt_at": None,
    "last_failed_at": NOON, "next_attempt_at": None, "not_found_at": None, "notified_at": NOON,
    "oldest_created_at": None, "opened_at": _MORNING, "requested_at": _MORNING, "resolved_at": None,
    "scanned_at": _MORNING, "set_at": NOON, "started_at": NOON, "until_at": _LATER,
    "updated_at": NOON,
}  # fmt: skip

_WORDS: Final = {
    "action": "cache-fallback", "actor": "operator", "address": "192.168.1.20",
    "advice": f"look whether {PLEX} runs, and is in the network", "after": "open",
    "agent": "tv.plex.agents.movie", "aired_on": "2022-01-20",
    "arguments": ["key", "offset", "limit"], "before": "closed", "content_rating": "PG-13",
    "counting": "window", "criticality": "important", "detail": "an answer", "dialect": "sqlite",
    "environment": "production", "error": "SlowError", "expected_errors": ["UpstreamError"],
    "field": "media_id", "figures": "5 failures in a row", "handler": "overseerr.request",
    "id": "01a22cb25f8b000008fdc0cdf042b74a", "idempotency_key": "movie:603",
    "instance": "/api/v1/media/requests", "key": "1", "lane": "user 1", "language": "en-US",
    "library_key": "1", "library_title": "Films", "method": "GET", "mode": "memory", "name": PLEX,
    "operation": f"{PLEX}.libraries", "rating": "excellent", "rating_key": "1204",
    "reason": "moving the server", "recovered_by": "cache-fallback", "requested_by": "client",
    "revision": "0007", "route": _LIBRARIES, "scanner": "Plex Movie", "server_version": "3.45.1",
    "service": PLEX, "source": "last good answers", "status": "healthy", "subject": "movie:603",
    "summary": "A programmer learns what his world is made of.", "target": PLEX,
    "title": "The Matrix", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "uuid": "7c9ea9f4-84a0-540b-bf6b-58dda09cea74", "version": __version__,
    "wanted_revision": "0007", "worker": "nas",
}  # fmt: skip

_NUMBERS: Final = {
    "age_seconds": 4.2, "applies": True, "attempt": 1, "attempts": 1, "backoff_factor": 2.0,
    "bulkhead_saturation": 0.1, "calls": 240, "closed": 3, "consecutive_failures": 0, "cores": 4.0,
    "count": 1, "database": True, "dead": 0, "done": 12, "duration_seconds": 0.042, "entries": 6,
    "episodes": 8, "error_rate": 0.0, "failing": 0, "failure_rate": 0.0,
    "failure_rate_threshold": 0.5, "failure_threshold": 5, "file": True, "flights": 231,
    "generation": 1, "half_open_max_calls": 3, "half_open_timeout": 30.0, "hit_rate": 0.9,
    "hits": 9, "in_flight": 1, "in_use": 1, "is_complete": True, "jitter": 0.2, "kept": True,
    "last": 0.006, "latency_seconds": 0.001, "left": 20, "limit": 32, "limit_bytes": 2147483648,
    "max": 0.18, "max_age_seconds": 86400.0, "max_concurrent": 10, "max_reset_timeout": 300.0,
    "mean": 0.014, "media_id": 603, "minimum_number_of_calls": 5, "misses": 1,
    "monitoring_period": 60.0, "number": 1, "openings_in_a_row": 0,
    "other_workers_within_seconds": 2.0, "p50": 0.006, "p95": 0.031, "p99": 0.12,
    "patience_seconds": 1.5, "peak": 3, "pending": 0, "points": 10, "priority": 8,
    "process_bytes": 97517568, "process_share": 0.02, "queued_total": 0, "request_id": 41,
    "requests": 240, "requests_per_second": 4.0, "reset_timeout": 30.0, "retried": 2,
    "retry_amplification": 1.0, "returned": 3, "running": 0, "score": 100, "season_number": None,
    "seasons": None, "share": 0.05, "shared": 9, "shed": 0, "size": 21, "slow_call_rate": 0.0,
    "slow_call_rate_threshold": 0.8, "status_code": 200, "step_seconds": 10.0, "success_rate": 1.0,
    "successes": 240, "threads": 40, "total": 1, "uptime_seconds": 12600.0, "used_bytes": 107374182,
    "year": 1999,
}  # fmt: skip

_OF_MODELS: Final = {
    "Applied.of": 4,
    "Applied.silent": [],
    "Applied.workers": 4,
    "Alert.affected": [PLEX],
    "Alert.key": f"dependency-down:{PLEX}",
    "Alert.message": f"{PLEX} is down: connection refused",
    "Alert.rule": "dependency-down",
    "Alert.severity": "critical",
    "Alert.silence": None,
    "Alert.state": "firing",
    "Alert.subject": PLEX,
    "Alerts.pending": [],
    "Alerts.recent": [],
    "AuditEntry.action": "circuit-breaker.open",
    "AuditEntry.detail": {"expires_in_seconds": 600.0},
    "BlastRadius.dependents": [],
    "BlastRadius.routes": [f"GET {_LIBRARIES}"],
    "Breaker.actor": None,
    "Breaker.last_failure": None,
    "Breaker.opened_by": None,
    "Breaker.reason": None,
    "CacheHealth.version": None,
    "CallSeries.calls": [24, 31, None],
    "CallSeries.failures": [0, 1, None],
    "CallSeries.p50_seconds": [0.006, 0.007, None],
    "CallSeries.p95_seconds": [0.031, 0.044, None],
    "CascadeRisk.recommendations": [],
    "CascadeRisk.suspended": [],
    "Component.figures": {"status_code": 200, "version": "1.42.1"},
    "Component.last_failure": None,
    "Component.type": "external-api",
    "ComprehensiveHealth.alerts": [],
    "ComprehensiveHealth.not_configured": [OVERSEERR],
    "Deduction.points": 0,
    "DeferredOperation.error": None,
    "DeferredOperation.payload": {"media_type": "movie", "media_id": 603},
    "DeferredOperation.result": {"created": True, "request_id": 41, "seasons": None},
    "DeferredOperation.run_at": _MORNING,
    "DeferredOperation.state": "done",
    "Dependency.dependents": [],
    "Dependency.depends_on": [],
    "Dependency.operations": [],
    "Dependency.type": "external-api",
    "DependencyRisk.depends_on": [],
    "DependencyRisk.recommendations": [],
    "ErrorDetail.message": _AWAY,
    "ErrorDetail.type": "UnreachableError",
    "Event.actor": None,
    "Event.message": _AWAY,
    "Event.severity": None,
    "FallbackFigures.name": "libraries",
    "Fault.message": "Input should be greater than or equal to 1",
    "Item.duration_seconds": 8160.0,
    "Item.rating": 8.7,
    "Item.type": "movie",
    "LastFailure.message": "connection refused",
    "LastFailure.type": "UnreachableError",
    "LastGoodAnswers.name": "libraries",
    "Library.created_at": _YEAR_AGO,
    "Library.title": "Films",
    "Library.type": "movie",
    "OpenApi.components": {},
    "OpenApi.info": {"title": "MediaNest", "version": __version__},
    "OpenApi.paths": {},
    "OperationPage.blocked": {},
    "OverseerrRequest.media_status": "processing",
    "OverseerrRequest.seasons": [],
    "OverseerrRequest.status": "approved",
    "PatienceFigures.name": f"{PLEX}.libraries",
    "Problem.detail": "media_id: Input should be greater than or equal to 1",
    "Problem.status": 422,
    "Problem.title": "The request is not valid",
    "Problem.type": "/problems/invalid",
    "Readiness.reasons": [],
    "RecoveryFigures.recovered": 3,
    "RecoveryFigures.shared": 0,
    "RecoveryOperation.actions": ["cache-fallback"],
    "RecoveryOperation.name": f"{PLEX}.items",
    "RecoveryRecord.metadata": {},
    "RecoveryRecord.user": "client",
    "RehearsalResult.executed": None,
    "RehearsalResult.operation": f"{PLEX}.libraries",
    "RequestDetail.error": None,
    "RequestDetail.state": "done",
    "RequestPage.missing": [],
    "RequestPage.queued": [],
    "RequestSeries.errors": [0, 0, None],
    "RequestSeries.p50_seconds": [0.009, 0.011, None],
    "RequestSeries.p95_seconds": [0.04, 0.052, None],
    "RequestSeries.requests": [24, 31, None],
    "Requestable.status": "not_requested",
    "Risk.suspended": [],
    "RouteFigures.statuses": {"200": 240},
    "Score.deductions": [],
    "SearchResults.missing": [],
    "SeasonDetails.title": "Season 1",
    "Seasons.media_id": 1399,
    "ServiceLine.message": "works",
    "Session.duration_seconds": 8160.0,
    "Session.player": {"title": "Living room", "state": "playing"},
    "Session.rating": 8.7,
    "Session.type": "movie",
    "Session.user": {"title": "Anna", "state": None},
    "Session.view_offset_seconds": 1260.0,
    "Silence.key": f"dependency-down:{PLEX}",
    "StateCounts.closed": 3,
    "SystemStatus.alerts": [],
    "SystemStatus.pending_alerts": [],
    "SystemStatus.recommendations": [],
    "Ticket.error": None,
    "Ticket.state": "done",
}

VALUES: Final[Mapping[str, Any]] = {**_INSTANTS, **_WORDS, **_NUMBERS, **_OF_MODELS}
