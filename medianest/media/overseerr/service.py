"""Overseerr for the API: each question through a pipeline, and its source apart from itself.

What needs its source (making a request, looking at a title, searching) has a circuit breaker of
its own: while the Internet at home is out, the queue holds, and lists go on.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from medianest.config import OverseerrSettings, Secrets
from medianest.media.errors import (
    ForbiddenError,
    ForeignAnswerError,
    InvalidAnswerError,
    MediaError,
    NotConfiguredError,
    NotFoundError,
    QuotaError,
    RefusedError,
    RejectedError,
    SlowError,
    SourceError,
    UnavailableError,
    UnreachableError,
    UpstreamError,
)
from medianest.media.operations import UpstreamOperations
from medianest.media.overseerr.client import SERVICE, OverseerrClient
from medianest.media.overseerr.details import SeasonDetails
from medianest.media.overseerr.models import MediaRequest, RequestResults, Title
from medianest.media.overseerr.refusals import (
    RequestFailedError,
    UnknownUserError,
    source_failed,
)
from medianest.media.overseerr.wish import Requested, Wish
from medianest.media.troubles import Troubles
from medianest.queue.runner import Handler
from medianest.resilience import (
    CallRefusedError,
    CircuitBreaker,
    Deadline,
    Pipeline,
    Recovery,
    ResilienceService,
)

__all__ = ["HANDLER", "SOURCE", "Overseerr"]

HANDLER: Final = "overseerr.request"
"""The name under which requests for titles are deferred."""

SEARCH: Final = "overseerr.search"
"""The name of searches in the history of recoveries."""

SOURCE: Final = "overseerr.source"
"""The circuit breaker of what needs its source."""

T = TypeVar("T")

_WORTH_ANOTHER = (UnreachableError, UnavailableError, InvalidAnswerError, ForeignAnswerError)
_OUTAGES = (UpstreamError, RejectedError, NotConfiguredError)


class Overseerr:
    """What the API asks Overseerr.

    Raises NotConfiguredError without an address, refusals of the pipeline, and the errors of
    OverseerrClient.
    """

    def __init__(
        self,
        settings: OverseerrSettings,
        service: ResilienceService,
        secrets: Secrets | None = None,
    ) -> None:
        self._settings, self._clock = settings, service.registry.clock
        self._client: OverseerrClient | None = None
        self._troubles = Troubles(self._clock)
        self._listing = self._searching = self._making = Pipeline(SERVICE, [])
        self._source: CircuitBreaker | None = None
        if settings.url is not None:
            self._client = OverseerrClient(settings.url, settings, self._clock, secrets)
            operations = UpstreamOperations(
                SERVICE,
                ("requests", "source"),
                settings,
                service,
                retry_on=_WORTH_ANOTHER,
                criticality="optional",
            )
            self._listing = Pipeline(SERVICE, operations.direct("requests"))
            recovery = Recovery(service.recovery, service=SERVICE, operation=SEARCH)
            self._searching = Pipeline(
                SERVICE, [recovery, *operations.direct("source", about=_about)]
            )
            # A request is not tried again on the spot: the queue does that, with time between.
            self._making = Pipeline(
                SERVICE, operations.direct("source", retries=False, about=_about)
            )
            self._source = service.registry.breaker(SOURCE)

    def require(self) -> OverseerrClient:
        """The client. Raises NotConfiguredError when there is none."""
        if self._client is None:
            raise NotConfiguredError(SERVICE, "MEDIANEST_OVERSEERR_URL")
        return self._client

    # -- questions -----------------------------------------------------------------------------

    def search(self, query: str) -> tuple[Title, ...]:
        """Movies and shows that match."""
        found = self._ask(self._searching, OverseerrClient.search, query)
        if found:
            self._troubles.end("source")
        return found

    def requests(self, skip: int, take: int) -> RequestResults:
        """Requests, the newest first."""
        return self._ask(self._listing, OverseerrClient.requests, skip, take)

    def request(self, request_id: int) -> MediaRequest:
        """One request."""
        return self._ask(self._listing, OverseerrClient.request, request_id)

    def seasons(self, media_id: int) -> tuple[SeasonDetails, ...]:
        """The seasons of a show. Raises NotFoundError."""
        found = self._ask(self._searching, OverseerrClient.seasons, media_id)
        self._troubles.end("source")
        return found

    def with_user(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """A payload that names for whom it is, where the settings do and it does not."""
        user = self._settings.user_id
        if user is None or payload.get("user_id") is not None:
            return payload
        return {**payload, "user_id": user}

    # -- requests for titles -------------------------------------------------------------------

    def create(self, payload: Mapping[str, Any], *, waits: bool = False) -> dict[str, Any]:
        """Request the title of a payload. `created` tells whether it was made now, `request_id`
        its number there, `seasons` those of a show that the request has. `waits`: it was accepted
        before, so that whoever asked is not told of what is in its way."""
        wish = Wish.of(payload)
        with self._noticed_of(wish, waits):
            made = self._ask(self._making, OverseerrClient.create, wish)
        self._troubles.end("source", "refusal", "making", _lane(wish))
        return _told(made)

    def look(self, payload: Mapping[str, Any], since: datetime) -> dict[str, Any] | None:
        """The request for the title of a payload that was first sent at `since`, as `create` tells
        it; None when there is none."""
        wish = Wish.of(payload)
        with self._noticed_of(wish):
            found = self._ask(self._making, OverseerrClient.look, wish, since)
        self._troubles.end("source")
        return None if found is None else _told(found)

    def handler(self) -> Handler:
        """How deferred requests are done."""
        return Handler(
            name=HANDLER,
            service=SERVICE,
            execute=partial(self.create, waits=True),
            look=self.look,
            permanent=_PERMANENT,
            outages=_OUTAGES,
            lane_outages=(QuotaError, ForbiddenError),
            told_at_once=(ForbiddenError,),
            # It has no timeout of its own: what we gave up may still be under way there, and it
            # does not notice that the second is the same.
            uncertain=_may_have_been_made,
            breakers=(SOURCE, SERVICE),
            concurrency=max(1, self._settings.places // 2),
        )

    # -- how it is -----------------------------------------------------------------------------

    def check_trouble(self, seconds: float) -> str | None:
        """What is wrong with it although it answers, asked anew where there was some, for at most
        so long: what is over is told as over, and what waited for it is done."""
        if self._client is None or self._troubles.message() is None:
            return None
        with Deadline(seconds, name=SERVICE, clock=self._clock).scope():
            try:
                self._client.check_source()
            except RejectedError:
                self._troubles.still("key")
                return self._troubles.message()
            except (MediaError, CallRefusedError):
                self._troubles.still("source")
                return self._troubles.message()
        self._troubles.end("source", "key")
        # Of what else keeps requests from being made, only making one tells whether it is over.
        if self._source is not None and not self._troubles.knows("making"):
            self._source.close_if_open("its source answers again", actor="health-monitor")
        return self._troubles.message()

    def close(self) -> None:
        """Close the idle connections."""
        if self._client is not None:
            self._client.close()

    def _ask(self, through: Pipeline, question: Callable[..., T], *args: Any) -> T:
        client = self.require()
        with self._noticed():
            answer = through.call(question, client, *args)
        self._troubles.end("key")
        return answer

    @contextmanager
    def _noticed(self) -> Iterator[None]:
        """Remember what is wrong with it."""
        try:
            yield
        except RejectedError as error:
            self._troubles.meet("refusal" if "CSRF" in str(error) else "key", str(error))
            raise
        except SourceError as error:
            self._troubles.meet("source", str(error))
            raise

    @contextmanager
    def _noticed_of(self, wish: Wish, waits: bool = True) -> Iterator[None]:
        """The same for what only one user, or only its source, keeps from being done."""
        who = "the owner" if wish.user_id is None else f"user {wish.user_id}"
        try:
            yield
        except UnknownUserError as error:
            if wish.user_id != self._settings.user_id:
                raise
            message = "it has no user of that number: correct MEDIANEST_OVERSEERR_USER_ID"
            self._troubles.meet(_lane(wish), f"{SERVICE}: {message} ({who})")
            raise ForbiddenError(SERVICE, message) from error
        except (QuotaError, ForbiddenError) as error:
            if waits or not isinstance(error, ForbiddenError):
                self._troubles.meet(_lane(wish), f"{error} ({who})")
            raise
        except SlowError:
            self._troubles.meet("source", str(source_failed("no answer in time")))
            raise
        except _UNABLE as error:  # while looks succeed, no breaker opens
            self._troubles.meet("making", str(error))
            raise


def _about(client: OverseerrClient, *args: Any) -> Hashable:
    """The title, or the words, that its source is asked about."""
    first = args[0]
    return first.subject if isinstance(first, Wish) else first


def _lane(wish: Wish) -> str:
    return f"user {wish.user_id}"


_UNABLE = (UnavailableError, ForeignAnswerError, InvalidAnswerError, RequestFailedError)
_PERMANENT = (NotFoundError, RefusedError)


def _told(made: Requested) -> dict[str, Any]:
    seasons = None if made.seasons is None else list(made.seasons)
    return {"created": made.created, "request_id": made.request_id, "seasons": seasons}


def _may_have_been_made(error: Exception) -> bool:
    """Unless it is known that nothing was made, it may have been."""
    if isinstance(error, CallRefusedError):
        return False
    return bool(getattr(error, "uncertain", True))
