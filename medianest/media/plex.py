"""Plex for the API: each question through the one Plex pipeline, with its own last good answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from medianest.config import PlexSettings
from medianest.media.answer import Answer, stale
from medianest.media.errors import (
    InvalidAnswerError,
    NotConfiguredError,
    RejectedError,
    UnavailableError,
    UnreachableError,
    UpstreamError,
)
from medianest.media.plex_client import SERVICE, PlexClient
from medianest.media.plex_wire import Item, Library, Page, Session
from medianest.resilience import Fallback, MemoryLastGood, Pipeline, ResilienceService

__all__ = ["Plex"]

T = TypeVar("T")

_HOUR, _DAY = 3600.0, 86400.0

# Not SlowError: whoever waited for one timeout should not wait for a second.
_WORTH_ANOTHER = (UnreachableError, UnavailableError, InvalidAnswerError)


class Plex:
    """What the API asks Plex; where it can, it answers from the last good answer.

    Raises NotConfiguredError without an address, NotFoundError for what Plex does not have, and,
    with nothing to fall back on, what went wrong: a refusal of the pipeline, or one of the other
    errors of medianest.media.errors.
    """

    def __init__(self, settings: PlexSettings, service: ResilienceService) -> None:
        self._clock = service.registry.clock
        self._client: PlexClient | None = None
        self._pipeline = Pipeline(SERVICE, [])
        if settings.url is not None:
            self._client = PlexClient(settings.url, settings, self._clock)
            policy = settings.policy((UpstreamError,), retry_on=_WORTH_ANOTHER)
            service.register_dependency(SERVICE, policy, criticality="important")
            self._pipeline = service.pipeline(SERVICE)
            if not settings.breaker_enabled:
                service.registry.breaker(SERVICE).disable("disabled by the settings")
        # While a server is broken it may answer with nothing; that must not replace what was good.
        self._libraries = self._or_last_good(_DAY, bool)
        self._items = self._or_last_good(_HOUR, lambda page: bool(page.items))
        self._recently_added = self._or_last_good(_HOUR, bool)

    def libraries(self) -> Answer[tuple[Library, ...]]:
        """All sections; the last good answer for a day."""
        return self._ask(self._libraries, PlexClient.libraries)

    def items(self, key: str, offset: int, limit: int) -> Answer[Page]:
        """Some items of a section; the last good answer for an hour."""
        return self._ask(self._items, PlexClient.items, key, offset, limit)

    def recently_added(self, limit: int) -> Answer[tuple[Item, ...]]:
        """The newest items; the last good answer for an hour."""
        return self._ask(self._recently_added, PlexClient.recently_added, limit)

    def search(self, query: str) -> Answer[tuple[Item, ...]]:
        """Items that match; never from memory."""
        return self._ask(self._pipeline, PlexClient.search, query)

    def sessions(self) -> Answer[tuple[Session, ...]]:
        """What plays now; never from memory."""
        return self._ask(self._pipeline, PlexClient.sessions)

    def close(self) -> None:
        """Close the idle connections."""
        if self._client is not None:
            self._client.close()

    def _ask(self, through: Pipeline, question: Callable[..., T], *args: Any) -> Answer[T]:
        if self._client is None:
            raise NotConfiguredError(SERVICE, "MEDIANEST_PLEX_URL")
        return through.call(self._answer, self._client, question, *args)

    def _answer(self, client: PlexClient, question: Callable[..., T], *args: Any) -> Answer[T]:
        return Answer(question(client, *args), self._clock.utc())

    def _or_last_good(self, max_age: float, is_good: Callable[[Any], bool]) -> Pipeline:
        store: MemoryLastGood[Answer[Any]] = MemoryLastGood(
            max_age, accept=lambda answer: is_good(answer.value), clock=self._clock
        )
        fallback = Fallback(
            name=SERVICE, handles=(UpstreamError, RejectedError), last_good=store, stale=stale
        )
        return Pipeline(SERVICE, [fallback, self._pipeline])
