"""Overseerr for the API: each question through the one Overseerr pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from medianest.config import OverseerrSettings
from medianest.media.errors import (
    InvalidAnswerError,
    NotConfiguredError,
    NotFoundError,
    RefusedError,
    RejectedError,
    UnavailableError,
    UnreachableError,
    UpstreamError,
)
from medianest.media.overseerr_client import SERVICE, OverseerrClient
from medianest.media.overseerr_wire import MediaRequest, RequestPage, Title
from medianest.queue.runner import Handler
from medianest.resilience import Pipeline, ResilienceService

__all__ = ["HANDLER", "Overseerr"]

HANDLER: Final = "overseerr.request"
"""The name under which requests for titles are deferred."""

T = TypeVar("T")

_WORTH_ANOTHER = (UnreachableError, UnavailableError, InvalidAnswerError)


class Overseerr:
    """What the API asks Overseerr.

    Raises NotConfiguredError without an address, refusals of the pipeline, and the errors of
    OverseerrClient.
    """

    def __init__(self, settings: OverseerrSettings, service: ResilienceService) -> None:
        self._settings = settings
        self._client: OverseerrClient | None = None
        self.trouble: str | None = None
        """What is wrong with it although it answers: a key that it refused last."""
        self._reading = self._creating = Pipeline(SERVICE, [])
        if settings.url is not None:
            self._client = OverseerrClient(settings.url, settings, service.registry.clock)
            policy = settings.policy((UpstreamError,), retry_on=_WORTH_ANOTHER)
            service.register_dependency(SERVICE, policy, criticality="optional")
            self._reading = service.pipeline(SERVICE)
            # A request is not tried again on the spot: the queue does that, with time between.
            registry = service.registry
            parts = [registry.breaker(SERVICE), registry.bulkhead(SERVICE)]
            self._creating = Pipeline(SERVICE, parts)
            if not settings.breaker_enabled:
                registry.breaker(SERVICE).disable("disabled by the settings")

    def require(self) -> OverseerrClient:
        """The client. Raises NotConfiguredError when there is none."""
        if self._client is None:
            raise NotConfiguredError(SERVICE, "MEDIANEST_OVERSEERR_URL")
        return self._client

    def search(self, query: str) -> tuple[Title, ...]:
        """Movies and shows that match."""
        return self._ask(self._reading, OverseerrClient.search, query)

    def requests(self, skip: int, take: int) -> RequestPage:
        """Requests, the newest first."""
        return self._ask(self._reading, OverseerrClient.requests, skip, take)

    def request(self, request_id: int) -> MediaRequest:
        """One request."""
        return self._ask(self._reading, OverseerrClient.request, request_id)

    def create(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Request the title of a payload (`media_type`, `media_id`, `seasons`); harmless when it
        is requested already. `created` tells which, `request_id` the number there."""
        made = self._ask(
            self._creating,
            OverseerrClient.create,
            payload["media_type"],
            payload["media_id"],
            payload.get("seasons") or (),
        )
        return {"created": made.created, "request_id": made.request_id}

    def handler(self) -> Handler:
        """How deferred requests are done."""
        return Handler(
            name=HANDLER,
            service=SERVICE,
            execute=self.create,
            permanent=(NotFoundError, RefusedError),
            outages=(UpstreamError, RejectedError, NotConfiguredError),
            # It has no timeout of its own: what we gave up may still be under way there, and it
            # does not notice that the second is the same.
            uncertain=lambda error: getattr(error, "uncertain", False),
            settle_seconds=2 * self._settings.timeout,
        )

    def close(self) -> None:
        """Close the idle connections."""
        if self._client is not None:
            self._client.close()

    def _ask(self, through: Pipeline, question: Callable[..., T], *args: Any) -> T:
        try:
            answer = through.call(question, self.require(), *args)
        except RejectedError as error:
            self.trouble = str(error)
            raise
        self.trouble = None
        return answer
