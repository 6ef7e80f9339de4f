"""What is tried when a call has failed, and the operations for which it is, by name."""

from __future__ import annotations

from functools import partial

from medianest.media.overseerr import client as overseerr_client
from medianest.media.overseerr.service import HANDLER
from medianest.media.plex import client as plex_client
from medianest.media.requests import LISTING, without
from medianest.media.samples import sample_error
from medianest.queue.defer import DEFERRED, Deferral, queue_for_later
from medianest.queue.runner import QueueRunner
from medianest.resilience import ErrorRecoveryManager, Registry
from medianest.resilience.recovery import (
    NamedOperation,
    breaker_reset,
    cache_fallback,
    default_response,
    graceful_degradation,
)
from medianest.storage import Database
from medianest.storage.database import READ, WRITE
from medianest.storage.database import SERVICE as DATABASE
from medianest.storage.samples import sample_error as sample_of_database
from medianest.web.views import dashboard

__all__ = ["wire_recovery"]

_PLEX, _OVERSEERR = plex_client.SERVICE, overseerr_client.SERVICE


def wire_recovery(
    manager: ErrorRecoveryManager, registry: Registry, database: Database, runner: QueueRunner
) -> None:
    """Register the actions, the operations that do not register themselves, and the errors with
    which each service is rehearsed."""
    for action in (
        cache_fallback(),
        breaker_reset(registry, {DATABASE: database.prove}, cooldown=1.0),
        default_response({dashboard.QUEUE_FIGURES: dashboard.UNKNOWN_FIGURES}),
        graceful_degradation({LISTING: without}, registry),
        queue_for_later(runner),
    ):
        manager.register_recovery_action(action)
    for operation in _OPERATIONS:
        manager.register_operation(operation)
    for service in (_PLEX, _OVERSEERR):
        manager.operations.sample_with(service, partial(sample_error, service))
    for service in (DATABASE, dashboard.DASHBOARD):
        manager.operations.sample_with(service, sample_of_database)


_OPERATIONS = (
    NamedOperation(name=READ, service=DATABASE, max_attempts=2),
    NamedOperation(name=WRITE, service=DATABASE, max_attempts=2),
    NamedOperation(name=dashboard.QUEUE_FIGURES, service=dashboard.DASHBOARD),
    NamedOperation(name=LISTING, service=_OVERSEERR),
    NamedOperation(
        name=HANDLER,
        service=_OVERSEERR,
        metadata={DEFERRED: Deferral(HANDLER, {}, "rehearsal")},
    ),
)
"""Those of Plex register themselves, each with its store of good answers."""
