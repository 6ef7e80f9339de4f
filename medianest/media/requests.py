"""Requests for titles: kept first, then tried, and done later where that fails.

A request is in the database, leased to the thread that tries it, before Overseerr hears of it.
Whatever happens from there on, a crash included, it is done exactly once, or said why not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from medianest.media.errors import MediaError, NotFoundError
from medianest.media.overseerr import HANDLER, Overseerr
from medianest.media.overseerr_wire import MediaRequest
from medianest.resilience import (
    CallRefusedError,
    Declined,
    ErrorRecoveryManager,
    RecoveryContext,
)
from medianest.storage.desk import QueueDesk
from medianest.storage.drain import Drainer
from medianest.storage.errors import StorageError
from medianest.storage.later import DEFERRED, Deferred
from medianest.storage.operations import Lease, Operation, State

__all__ = ["LISTING", "MediaRequests", "Missing", "Ticket", "Wishes", "without"]

SERVICE: Final = "overseerr"
LISTING: Final = "media.requests"
"""The operation that lists requests; it can do without Overseerr."""

_UNDONE: Final[tuple[State, ...]] = ("pending", "running", "dead")


@dataclass(frozen=True, slots=True)
class Ticket:
    """Where a request stands. `state` is that of its operation; `result` is there when done."""

    operation: Operation
    state: str
    result: Mapping[str, Any] | None


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
class Wishes:
    """All requests that are known: those of Overseerr, and ours that it does not have yet."""

    theirs: tuple[MediaRequest, ...]
    ours: tuple[Operation, ...]
    total: int | None
    missing: tuple[str, ...]


class MediaRequests:
    """Makes requests and tells how they stand. Raises NotConfiguredError without an Overseerr,
    the errors of medianest.storage.errors while nothing can be kept, and what Overseerr says of
    the title itself (NotFoundError, RefusedError)."""

    def __init__(
        self,
        overseerr: Overseerr,
        drainer: Drainer,
        desk: QueueDesk,
        recovery: ErrorRecoveryManager,
    ) -> None:
        self._overseerr = overseerr
        self._queue = drainer.queue
        self._desk = desk
        self._recovery = recovery
        self._handler = drainer.register(overseerr.handler())

    def create(
        self,
        payload: Mapping[str, Any],
        *,
        client_key: str | None = None,
        user: str | None = None,
        correlation_id: str | None = None,
    ) -> Ticket:
        """Request a title. `client_key` is the client's Idempotency-Key."""
        self._overseerr.require()
        fingerprint = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
        accepted = self._queue.enqueue(
            HANDLER,
            payload,
            _key_of(payload),
            client_key=client_key,
            fingerprint=fingerprint,
            requested_by=user,
            correlation_id=correlation_id,
            leased=True,
        )
        if accepted.lease is None:
            return _ticket(accepted.operation)
        return self._try(accepted.lease, user, correlation_id)

    def _try(self, lease: Lease, user: str | None, correlation_id: str | None) -> Ticket:
        operation = lease.operation
        context = RecoveryContext(
            operation="media.request",
            service=SERVICE,
            user=user,
            correlation_id=correlation_id,
            metadata={DEFERRED: lease},
        )
        try:
            result = self._recovery.with_recovery(
                lambda: self._overseerr.create(operation.payload), context, max_attempts=1
            )
        except self._handler.permanent:
            self._forget(lease)  # whoever asked is told right now
            raise
        if isinstance(result, Deferred):
            return Ticket(operation, "pending", None)
        try:
            self._queue.finish(lease, result)
        except StorageError:
            pass  # it is done; when its lease is over it is done again, which changes nothing
        return Ticket(operation, "done", result)

    def _forget(self, lease: Lease) -> None:
        try:
            self._queue.withdraw(lease)
        except StorageError:
            pass  # its lease runs out, and then it becomes a dead letter

    def get(self, operation_id: str) -> tuple[Ticket, MediaRequest | None]:
        """One of ours, and what Overseerr says of it, if it is there and has it. Raises
        NotFoundError."""
        operation = self._queue.get(operation_id)
        if operation is None or operation.handler != HANDLER:
            raise NotFoundError(SERVICE, f"there is no request {operation_id!r}")
        ticket = _ticket(operation)
        number = (ticket.result or {}).get("request_id")
        if number is None:
            return ticket, None
        try:
            return ticket, self._overseerr.request(number)
        except (MediaError, CallRefusedError):
            return ticket, None

    def all(self, skip: int, take: int) -> Wishes:
        """Requests, the newest first. `missing` names who could not be asked."""
        self._overseerr.require()
        ours, missing = self._ours()
        context = RecoveryContext(operation=LISTING, service=SERVICE)
        page = self._recovery.with_recovery(
            lambda: self._overseerr.requests(skip, take), context, max_attempts=1
        )
        if isinstance(page, Missing):
            return Wishes((), ours, None, (*missing, *page.names))
        return Wishes(page.results, ours, page.page_info.results, missing)

    def _ours(self) -> tuple[tuple[Operation, ...], tuple[str, ...]]:
        try:
            pages = [self._desk.page(state=s, handler=HANDLER, limit=100) for s in _UNDONE]
        except (StorageError, CallRefusedError):
            return (), ("database",)
        return tuple(operation for operations, _ in pages for operation in operations), ()


def _ticket(operation: Operation) -> Ticket:
    return Ticket(operation, operation.state, operation.result)


def _key_of(payload: Mapping[str, Any]) -> str:
    """The same for requests that ask for the same."""
    seasons = ",".join(map(str, sorted(payload.get("seasons") or ())))
    return ":".join(
        part for part in (payload["media_type"], str(payload["media_id"]), seasons) if part
    )
