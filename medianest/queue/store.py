"""The durable queue: operations that are done later, by whichever process finds them due.

An operation that is answered with 202 has been committed. Who does it holds a lease, and says how
it went under that lease only: a worker that was thought dead and comes back changes nothing. A
crash at any instant leaves either the row as it was or its lease, which runs out; then it is in
doubt whether the operation was done.
"""

from __future__ import annotations

import logging
import re
import secrets
import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from medianest.config import QueueSettings
from medianest.queue.accept import Acceptance
from medianest.queue.bound import QueueBound
from medianest.queue.doubt import take_doubt
from medianest.queue.due import LONGEST_DELAY, make_due, oldest_due
from medianest.queue.operations import Accepted, Lease, Operation, checked_payload
from medianest.queue.set_back import SetBack
from medianest.queue.settlement import Settlement, settle_rows, withdraw_row
from medianest.resilience import Clock
from medianest.storage.database import Database
from medianest.storage.tables import OCCUPYING
from medianest.storage.tables import deferred_operations as table

__all__ = ["ACTIVE", "DeferredQueue", "find", "is_id"]

logger = logging.getLogger(__name__)

ACTIVE = ("pending", "running")
"""States of what is still to be done."""

_order = count()


class DeferredQueue:
    """Deferred operations in the database. Thread-safe, and safe among many processes.

    Raises the errors of medianest.storage.errors, and those of medianest.queue.operations.
    """

    def __init__(self, database: Database, settings: QueueSettings, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._bound = QueueBound(settings, clock)
        self._set_back = SetBack(database, clock)

    # -- accepting -----------------------------------------------------------------------------

    def enqueue(
        self,
        handler: str,
        payload: Mapping[str, Any],
        idempotency_key: str,
        *,
        subject: str | None = None,
        lane: str | None = None,
        client_key: str | None = None,
        fingerprint: str = "",
        requested_by: str | None = None,
        correlation_id: str | None = None,
        delay: float = 0.0,
        leased: bool = False,
    ) -> Accepted:
        """Keep an operation, due in `delay` seconds, or `leased` to the caller, who tries it now.

        While one of the same handler and idempotency key is to be done, that one is the answer.
        A `client_key` of `requested_by` gives the same answer for as long as it is kept, and
        IdempotencyError when it comes again with another `fingerprint`. Of one `subject`, one
        operation is done at a time: where another one is under way, nothing is leased. What is
        held back for one operation of a `lane` is held back for all of it. Raises QueueFullError,
        and ValueError for a delay of more than a year.
        """
        if delay > LONGEST_DELAY.total_seconds():
            raise ValueError(f"delay: at most {LONGEST_DELAY.days} days, not {delay / 86400:g}")
        checked_payload(payload, self._settings.max_payload_bytes)
        now = self._clock.utc()
        wait = self._settings.lease if leased else delay
        row = {
            "id": _new_id(now),
            "handler": handler,
            "idempotency_key": idempotency_key,
            "subject": subject,
            "lane": lane,
            "payload": dict(payload),
            "state": "running" if leased else "pending",
            "due": int(wait <= 0),
            "occupies": int(leased),
            "attempts": int(leased),
            "failures": 0,
            "run_at": now + timedelta(seconds=wait),
            "lease": uuid.uuid4().hex if leased else None,
            "shared": False,
            "since": now,
            "requested_by": requested_by,
            "correlation_id": correlation_id,
            "created_at": now,
            "updated_at": now,
        }
        dialect = self._database.dialect
        acceptance = Acceptance(row, client_key, fingerprint, self._bound, dialect)
        accepted = self._database.write(acceptance.run)
        if accepted.created:
            self._bound.note(requested_by)
        return accepted

    def get(self, operation_id: str) -> Operation | None:
        """One operation."""
        return self._database.read(find, operation_id) if is_id(operation_id) else None

    # -- doing ---------------------------------------------------------------------------------

    def claim_many(
        self,
        handler: str,
        most: int,
        *,
        held_lanes: Collection[str] = (),
        rather_not: Collection[str] = (),
    ) -> list[Lease]:
        """Lease up to so many that are due, the oldest first: none of a lane that is held, and
        those with the ids in `rather_not` only if there are no others. Those whose rows cannot be
        read become dead letters."""
        try:
            return self._database.write(self._claim, handler, most, held_lanes, rather_not)
        except IntegrityError:  # two processes took operations of one subject at one instant
            return []

    def _claim(
        self,
        connection: Connection,
        handler: str,
        most: int,
        held_lanes: Collection[str],
        rather_not: Collection[str],
    ) -> list[Lease]:
        now, token = self._clock.utc(), uuid.uuid4().hex
        make_due(connection, handler, now)
        ids = oldest_due(connection, handler, most, held_lanes, rather_not)
        if rather_not and not ids:
            ids = oldest_due(connection, handler, most, held_lanes)
        if not ids:
            return []
        subjects = [subject for subject in ids.values() if subject is not None]
        for subject, doubt in take_doubt(connection, handler, subjects).items():
            its = (table.c.id.in_(ids), table.c.subject == subject)
            connection.execute(update(table).where(*its).values(doubt))
        values = {
            "state": "running",
            "due": 0,
            "occupies": 1,
            "lease": token,
            "run_at": now + timedelta(seconds=self._settings.lease),
            "attempts": table.c.attempts + 1,
            "updated_at": now,
        }
        claimed = update(table).where(table.c.id.in_(ids)).values(values).returning(table)
        found = [Operation.of(row) for row in connection.execute(claimed)]
        leases = [Lease(each, token) for each in found if each.damage is None]
        damaged = [Lease(each, token) for each in found if each.damage is not None]
        for lease in damaged:
            logger.error("operation %s is a dead letter: %s", *_named(lease))
        settle_rows(connection, [Settlement.damaged(lease, now) for lease in damaged], now)
        return sorted(leases, key=lambda lease: (lease.operation.created_at, lease.operation.id))

    def settle(self, settlements: Iterable[Settlement]) -> int:
        """Note how operations went, all in one transaction; how many were still leased so."""
        listed = list(settlements)
        return self._database.write(settle_rows, listed, self._clock.utc()) if listed else 0

    def bring_back(self, handler: str) -> int:
        """Let nothing wait for a time that is far off only because the clock was set back; how
        many were brought back."""
        return self._set_back.bring_back(handler)

    def doubt_anew(self, handler: str) -> None:
        """The service has failed: what was not to be found there may come yet, and the settling
        time of all that is in doubt begins again."""
        waiting = (table.c.handler == handler, OCCUPYING, table.c.absent_since.is_not(None))
        change = update(table).where(*waiting).values(absent_since=None)
        self._database.write(lambda connection: connection.execute(change).rowcount)

    def forget(self, lease: Lease) -> bool:
        """It is not to be done, and who made it is told so at once. False when the lease was over,
        or when others were told of it as well, and it stays."""
        return self._database.write(withdraw_row, lease)


def _new_id(now: datetime) -> str:
    """Sorts by time, and within one process by order, as UUIDv7 (RFC 9562): of two that came in
    one instant the first is older, and new rows stand together in the indexes."""
    milliseconds = int(now.timestamp() * 1000)
    return f"{milliseconds:012x}{next(_order) & 0xFFFF:04x}{secrets.token_hex(8)}"


def is_id(text: str) -> bool:
    """Whether it could be the id of an operation."""
    return re.fullmatch("[0-9a-f]{32}", text) is not None


def find(connection: Connection, operation_id: str, *, lock: bool = False) -> Operation | None:
    """One operation, locked until the end of the transaction where that is wanted."""
    query = select(table).where(table.c.id == operation_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else Operation.of(row)


def _named(lease: Lease) -> tuple[str, str | None]:
    return lease.operation.id, lease.operation.damage
