"""The media services of a process: Plex, Overseerr, and the requests for titles."""

from __future__ import annotations

from functools import partial

from medianest.cache.redis import RedisServer
from medianest.config import Secrets, Settings
from medianest.jobs import Job
from medianest.media.overseerr.client import SERVICE as OVERSEERR
from medianest.media.overseerr.service import HANDLER, Overseerr
from medianest.media.plex.client import SERVICE as PLEX
from medianest.media.plex.service import Plex
from medianest.media.requests import LISTING, MediaRequests, without
from medianest.media.samples import sample_error
from medianest.queue.defer import DEFERRED, Deferral
from medianest.queue.queue import Queue
from medianest.resilience import ResilienceService
from medianest.resilience.recovery import NamedOperation, graceful_degradation

__all__ = ["Media"]

_PROBE_SECONDS = 1.0

_OPERATIONS = (
    NamedOperation(name=LISTING, service=OVERSEERR),
    NamedOperation(
        name=HANDLER,
        service=OVERSEERR,
        metadata={DEFERRED: Deferral(HANDLER, {}, "rehearsal")},
    ),
)
"""Those of Plex register themselves, each with its store of good answers."""


class Media:
    """Everything that is asked of media servers. Asks nobody before the first call."""

    def __init__(
        self,
        settings: Settings,
        service: ResilienceService,
        redis: RedisServer | None,
        queue: Queue,
    ) -> None:
        secrets, manager = Secrets.of(settings), service.recovery
        self.plex = Plex(settings.plex, service, redis, secrets)
        self.overseerr = Overseerr(settings.overseerr, service, secrets)
        self.requests = MediaRequests(self.overseerr, queue, manager)
        degradation = graceful_degradation({LISTING: without}, service.registry)
        manager.register_recovery_action(degradation)
        for operation in _OPERATIONS:
            manager.register_operation(operation)
        for name in (PLEX, OVERSEERR):
            manager.operations.sample_with(name, partial(sample_error, name))

    def jobs(self) -> list[Job]:
        """What is done beside the requests."""
        return [Job(name="probe plex", run=self.plex.probe, every=_PROBE_SECONDS)]

    def close(self) -> None:
        """Close the idle connections."""
        self.plex.close()
        self.overseerr.close()
