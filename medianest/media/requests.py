"""Requests for titles: kept first, then tried, and done later where that fails.

A request is in the database, leased to the thread that tries it, before Overseerr hears of it.
Whatever happens from there on, a crash included, it is done exactly once, or said why not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from medianest.media.errors import ForbiddenError, MediaError
from medianest.media.overseerr.models import MediaRequest
from medianest.media.overseerr.service import HANDLER, Overseerr
from medianest.media.overseerr.wish import Wish
from medianest.queue.defer import DEFERRED, Deferred
from medianest.queue.errors import PayloadError
from medianest.queue.operations import Lease, Operation
from medianest.queue.queue import Queue
from medianest.resilience import (
    CallRefusedError,
    Deadline,
    Declined,
    ErrorRecoveryManager,
    RecoveryContext,
)
from medianest.resilience.options import is_whole
from medianest.storage.errors import StorageError

__all__ = [
    "LISTING",
    "MediaRequests",
    "Missing",
    "RequestList",
    "RequestTicket",
    "wished",
    "without",
]

SERVICE: Final = "overseerr"
LISTING: Final = "overseerr.requests"
"""The operation that lists requests; it can do without Overseerr."""

_GLANCE: Final = 2.0
"""Seconds for asking Overseerr how a request stands that it has: nobody needs that urgently."""

_MOST_LISTED: Final = 200


@dataclass(frozen=True, slots=True)
class RequestTicket:
    """Where a request stands. `state` is that of its operation; `result` is there when done."""

    operation: Operation
    state: str
    result: Mapping[str, Any] | None
    replayed: bool = False
    """Its client key has come before."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What is left of an answer without some services: their names."""

    names: tuple[str, ...]


def without(
    error: Exception, context: RecoveryContext, missing: tuple[str, ...]
) -> Missing | Declined:
    """For graceful degradation: the answer without those services."""
    if isinstance(error, MediaError | CallRefusedError):
        return Missing(missing)
    return Declined("it is no failure of a service")


@dataclass(frozen=True, slots=True)
class RequestList:
    """All requests that are known: those of Overseerr, and ours that it does not have yet."""

    theirs: tuple[MediaRequest, ...]
    ours: tuple[RequestTicket, ...]
    total_ours: int | None
    total: int | None
    missing: tuple[str, ...]


class MediaRequests:
    """Makes requests and tells how they stand. Raises NotConfiguredError without an Overseerr,
    the errors of medianest.storage.errors while nothing can be kept, QueueFullError, and what
    Overseerr says of the title itself (NotFoundError, RefusedError) or of who asks for it
    (ForbiddenError)."""

    def __init__(
        self,
        overseerr: Overseerr,
        queue: Queue,
        recovery: ErrorRecoveryManager,
    ) -> None:
        self._overseerr = overseerr
        self._queue = queue
        self._clock = recovery.clock
        self._glance = Deadline(_GLANCE, name=SERVICE, clock=self._clock)
        self._recovery = recovery
        self._handler = queue.runner.register(overseerr.handler())
        self._refusals: tuple[type[Exception], ...] = (*self._handler.permanent, ForbiddenError)

    def create(
        self,
        payload: Mapping[str, Any],
        *,
        client_key: str | None = None,
        user: str | None = None,
        correlation_id: str | None = None,
    ) -> RequestTicket:
        """Request a title. `client_key` is the client's Idempotency-Key."""
        self._overseerr.require()
        payload = self._overseerr.with_user(payload)
        wish = Wish.of(payload)
        fingerprint = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
        accepted = self._queue.store.enqueue(
            HANDLER,
            payload,
            _key_of(wish),
            subject=wish.subject,
            lane=f"user {wish.user_id}",
            client_key=client_key,
            fingerprint=fingerprint,
            requested_by=user,
            correlation_id=correlation_id,
            leased=True,
        )
        if accepted.lease is None:
            return replace(self._ticket(accepted.operation), replayed=accepted.replayed)
        return self._try(accepted.lease, user, correlation_id)

    def _try(self, lease: Lease, user: str | None, correlation_id: str | None) -> RequestTicket:
        operation = lease.operation
        context = RecoveryContext(
            operation=HANDLER,
            service=SERVICE,
            user=user,
            correlation_id=correlation_id,
            metadata={DEFERRED: lease},
        )
        try:
            result = self._recovery.with_recovery(
                lambda: self._overseerr.create(operation.payload), context, max_attempts=1
            )
        except self._refusals as error:
            self._forget(lease, error)  # whoever asked is told right now
            raise
        if isinstance(result, Deferred):
            return self._ticket(result.operation)
        self._queue.runner.note_success(lease, result)
        return RequestTicket(operation, "done", result)

    def _forget(self, lease: Lease, error: Exception) -> None:
        """Unless others were told of it: for them it is a dead letter, or tried later."""
        try:
            if not self._queue.store.forget(lease):
                self._queue.runner.note_failure(lease, error)
        except (StorageError, CallRefusedError):
            pass  # its lease runs out, and then it becomes a dead letter

    def _ticket(self, operation: Operation) -> RequestTicket:
        state = operation.state_at(self._clock.utc())
        return RequestTicket(operation, state, _result_of(operation))

    def get(self, operation_id: str) -> tuple[RequestTicket, MediaRequest | None] | None:
        """One of ours, and what Overseerr says of it, if it is there and has it; None when there
        is none of that id."""
        operation = self._queue.store.get(operation_id)
        if operation is None or operation.handler != HANDLER:
            return None
        ticket = self._ticket(operation)
        number = (ticket.result or {}).get("request_id")
        if number is None:
            return ticket, None
        try:
            with self._glance.scope():
                found = self._overseerr.request(number)
        except (MediaError, CallRefusedError):
            return ticket, None
        return ticket, found if _is_for(found, operation) else None

    def all(self, skip: int, take: int) -> RequestList:
        """Requests, the newest first. `missing` names who could not be asked."""
        self._overseerr.require()
        ours, total_ours, missing = self._ours()
        context = RecoveryContext(operation=LISTING, service=SERVICE)
        page = self._recovery.with_recovery(
            lambda: self._overseerr.requests(skip, take), context, max_attempts=1
        )
        if isinstance(page, Missing):
            return RequestList((), ours, total_ours, None, (*missing, *page.names))
        return RequestList(page.results, ours, total_ours, page.page_info.results, missing)

    def _ours(self) -> tuple[tuple[RequestTicket, ...], int | None, tuple[str, ...]]:
        try:
            found, total = self._queue.admin.undone(HANDLER, _MOST_LISTED)
        except (StorageError, CallRefusedError):
            return (), None, ("database",)
        return tuple(map(self._ticket, found)), total, ()


def _result_of(operation: Operation) -> dict[str, Any] | None:
    """What Overseerr made of it, as far as it can be read; None while it is not done."""
    result = operation.result
    if result is None:
        return None
    made = result if isinstance(result, Mapping) else {}
    number, seasons = made.get("request_id"), made.get("seasons")
    return {
        "created": made.get("created") is True,
        "request_id": number if is_whole(number, at_least=1) else None,
        "seasons": seasons if _are_seasons(seasons) else None,
    }


def _are_seasons(found: object) -> bool:
    return isinstance(found, list) and all(is_whole(each, at_least=0) for each in found)


def _is_for(found: MediaRequest, operation: Operation) -> bool:
    """Whether it is for the title that was asked for: an Overseerr that was set up anew counts
    from the beginning, too. Where it does not say for which, it may be."""
    wish = Wish.of(operation.payload)
    is_same = found.media.tmdb_id in (None, wish.media_id)
    return is_same and (found.type, found.is4k) == (wish.media_type, wish.is4k)


def wished(operation: Operation) -> dict[str, Any]:
    """What was asked for. Of an operation that nobody can read any more, that it was a title."""
    try:
        wish = Wish.of(operation.payload)
    except PayloadError:
        return {"media_type": "movie", "media_id": None}
    found: dict[str, Any] = {
        "media_type": wish.media_type,
        "media_id": wish.media_id,
        "is4k": wish.is4k,
        "user_id": wish.user_id,
    }
    return {**found, "seasons": wish.seasons} if wish.media_type == "tv" else found


def _key_of(wish: Wish) -> str:
    """The same for requests that ask for the same."""
    seasons = "all" if wish.seasons == "all" else ",".join(map(str, sorted(wish.seasons)))
    user = "" if wish.user_id is None else f"user-{wish.user_id}"
    key = ":".join(part for part in (wish.subject, seasons, user) if part)
    return key if len(key) <= 100 else hashlib.sha256(key.encode()).hexdigest()
