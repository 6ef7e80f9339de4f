"""Plex for the API: each question through the one Plex pipeline, with its own last good answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter

from medianest.cache.last_good import TieredLastGood
from medianest.cache.last_good_figures import LastGoodFigures
from medianest.cache.packed import packed_memory
from medianest.cache.redis import RedisServer
from medianest.config import PlexSettings, Secrets
from medianest.media.answer import Answer, stale
from medianest.media.errors import (
    ForeignAnswerError,
    InvalidAnswerError,
    NotConfiguredError,
    RejectedError,
    UnavailableError,
    UnreachableError,
    UnusableAnswerError,
    UpstreamError,
)
from medianest.media.operations import UpstreamOperations
from medianest.media.plex.client import SERVICE, PlexClient
from medianest.media.plex.models import Item, Items, Libraries, Library, LibraryPage, Session
from medianest.resilience import Fallback, Pipeline, Recovery, ResilienceService, Strategy

__all__ = ["Plex"]

T = TypeVar("T")

_OPERATIONS: Final = ("libraries", "items", "recently_added", "search", "sessions")

_SUBJECTS: Final = {"items": 1, "search": 1}
"""How many arguments of an operation say what it is about: a library or some words. The others
say how much of it is wanted."""

_HOUR, _DAY = 3600.0, 86400.0

_LIBRARIES: Final = TypeAdapter(Answer[Libraries])
_PAGE: Final = TypeAdapter(Answer[LibraryPage])
_ITEMS: Final = TypeAdapter(Answer[Items])

# Not SlowError: whoever waited for one timeout should not wait for a second.
_WORTH_ANOTHER = (UnreachableError, UnavailableError, InvalidAnswerError, ForeignAnswerError)


class Plex:
    """What the API asks Plex; where it can, it answers from the last good answer.

    Raises NotConfiguredError without an address, NotFoundError for what Plex does not have, and,
    with nothing to fall back on, what went wrong: a refusal of the pipeline, or one of the other
    errors of medianest.media.errors.
    """

    def __init__(
        self,
        settings: PlexSettings,
        service: ResilienceService,
        redis: RedisServer | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        self._clock, self._redis = service.registry.clock, redis
        self._recovery = service.recovery
        self._address = settings.url or ""
        self._last_good: list[TieredLastGood[Any]] = []
        self.memory = packed_memory(_DAY, self._clock, max_bytes=settings.last_good_bytes)
        """The last good answers of this process."""
        self._patience = settings.patience
        self._client: PlexClient | None = None
        self._operations: UpstreamOperations | None = None
        self.trouble: str | None = None
        """What is wrong with it although it answers: a token that it refused last."""
        self.trouble_elsewhere: Callable[[], str | None] = lambda: None
        """The same, as other processes have found it."""
        if settings.url is not None:
            self._client = PlexClient(settings.url, settings, self._clock, secrets)
            self._operations = UpstreamOperations(
                SERVICE,
                _OPERATIONS,
                settings,
                service,
                retry_on=_WORTH_ANOTHER,
                criticality="important",
            )
        # While a server is broken it may answer with nothing; that must not replace what was good.
        self._libraries = self._or_last_good("libraries", _DAY, _LIBRARIES, bool)
        self._items = self._or_last_good(
            "items", _HOUR, _PAGE, lambda page: bool(page.items), ("key", "offset", "limit")
        )
        self._recently_added = self._or_last_good("recently-added", _HOUR, _ITEMS, bool, ("limit",))
        self._search = self._or_nothing("search")
        self._sessions = self._or_nothing("sessions")

    def libraries(self) -> Answer[tuple[Library, ...]]:
        """All sections; the last good answer for a day."""
        return self._ask(self._libraries, PlexClient.libraries)

    def items(self, key: str, offset: int, limit: int) -> Answer[LibraryPage]:
        """Some items of a section; the last good answer for an hour."""
        return self._ask(self._items, PlexClient.items, key, offset, limit)

    def recently_added(self, limit: int) -> Answer[tuple[Item, ...]]:
        """The newest items; the last good answer for an hour."""
        return self._ask(self._recently_added, PlexClient.recently_added, limit)

    def search(self, query: str) -> Answer[tuple[Item, ...]]:
        """Items that match; never from memory."""
        return self._ask(self._search, PlexClient.search, query)

    def sessions(self) -> Answer[tuple[Session, ...]]:
        """What plays now; never from memory."""
        return self._ask(self._sessions, PlexClient.sessions)

    def last_good_figures(self) -> tuple[LastGoodFigures, ...]:
        """How often last good answers were looked for and found, for each question."""
        return tuple(store.snapshot() for store in self._last_good)

    def probe(self) -> None:
        """Find out whether what failed is well again; see Operations."""
        if self._operations is not None:
            self._operations.probe()

    def close(self) -> None:
        """Close the idle connections."""
        if self._operations is not None:
            self._operations.close()
        if self._client is not None:
            self._client.close()

    def _ask(self, through: Pipeline, question: Callable[..., T], *args: Any) -> Answer[T]:
        if self._client is None:
            raise NotConfiguredError(SERVICE, "MEDIANEST_PLEX_URL")
        return through.call(self._answer, self._client, question, *args)

    def _answer(self, client: PlexClient, question: Callable[..., T], *args: Any) -> Answer[T]:
        try:
            answer = question(client, *args)
        except RejectedError as error:
            self.trouble = str(error)
            raise
        self.trouble = None
        return Answer(answer, self._clock.utc())

    def _rest(self) -> Fallback:
        """Where nothing better is remembered, what is left of an answer."""
        return Fallback(self._what_is_left, name=SERVICE, handles=UnusableAnswerError)

    def _what_is_left(self, error: BaseException) -> Answer[Any]:
        if isinstance(error, UnusableAnswerError) and error.rest is not None:
            return Answer(error.rest, self._clock.utc(), degraded=True)
        raise error

    def _or_last_good(
        self,
        name: str,
        max_age: float,
        adapter: TypeAdapter[Any],
        is_good: Callable[[Any], bool],
        arguments: tuple[str, ...] = (),
    ) -> Pipeline:
        store: TieredLastGood[Answer[Any]] = TieredLastGood(
            f"{SERVICE}:{name}:{_digest(self._address)}",
            max_age,
            adapter,
            clock=self._clock,
            redis=self._redis,
            accept=lambda answer: is_good(answer.value),
            memory=self.memory,
        )
        self._last_good.append(store)
        operation = name.replace("-", "_")
        recovery = Recovery(
            self._recovery,
            service=SERVICE,
            operation=f"{SERVICE}.{operation}",
            last_good=store,
            key=_arguments,
            arguments=arguments,
            handles=(UpstreamError, RejectedError, UnusableAnswerError),
            stale=stale,
        )
        return Pipeline(SERVICE, [self._rest(), recovery, *self._layers(operation, store)])

    def _or_nothing(self, name: str) -> Pipeline:
        recovery = Recovery(self._recovery, service=SERVICE, operation=f"{SERVICE}.{name}")
        return Pipeline(SERVICE, [self._rest(), recovery, *self._layers(name)])

    def _layers(self, name: str, store: TieredLastGood[Any] | None = None) -> list[Strategy]:
        """What lies beneath the fallback; nothing where no Plex is configured."""
        if self._operations is None:
            return []
        return self._operations.layers(
            name,
            _arguments,
            about=lambda *args: _arguments(*args)[: _SUBJECTS.get(name, 0)],
            last_good=store,
            patience=self._patience,
        )


def _arguments(client: PlexClient, question: Callable[..., Any], *args: Any) -> tuple[Any, ...]:
    """What tells one answer of a question from another, in every process."""
    return args


def _digest(address: str) -> str:
    """Short, and the same in every process: the answers of one server are not another's."""
    return hashlib.sha256(address.encode()).hexdigest()[:8]
