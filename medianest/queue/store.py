"""The durable queue: operations that are done later, by whichever process finds them due.

An operation that is answered with 202 has been committed. Who does it holds a lease, and says how
it went under that lease only: a worker that was thought dead and comes back changes nothing. A
crash at any instant leaves either the row as it was or its lease, which runs out.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Insert, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from medianest.config import QueueSettings
from medianest.queue.operations import (
    Accepted,
    IdempotencyError,
    Lease,
    Operation,
    OperationConflictError,
    checked_payload,
)
from medianest.resilience import Clock
from medianest.resilience.snapshot import describe
from medianest.storage.database import Database
from medianest.storage.tables import deferred_operations as table
from medianest.storage.tables import idempotency_keys as keys

__all__ = ["ACTIVE", "DeferredQueue", "find", "is_id"]

ACTIVE = ("pending", "running")
"""States of what is still to be done."""

_TRIES = 5
"""An operation may end just between two statements about it; then they are tried again."""


class DeferredQueue:
    """Deferred operations in the database. Thread-safe, and safe among many processes.

    Raises the errors of medianest.storage.errors, and those of medianest.queue.operations.
    """

    def __init__(self, database: Database, settings: QueueSettings, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    # -- accepting -----------------------------------------------------------------------------

    def enqueue(
        self,
        handler: str,
        payload: Mapping[str, Any],
        idempotency_key: str,
        *,
        client_key: str | None = None,
        fingerprint: str = "",
        requested_by: str | None = None,
        correlation_id: str | None = None,
        delay: float = 0.0,
        leased: bool = False,
    ) -> Accepted:
        """Keep an operation, due in `delay` seconds, or `leased` to the caller, who tries it now.

        While one of the same handler and idempotency key is to be done, that one is the answer.
        A `client_key` gives the same answer for as long as it is kept, and IdempotencyError when
        it comes again with another `fingerprint` of the request.
        """
        checked_payload(payload, self._settings.max_payload_bytes)
        now = self._clock.utc()
        lease = uuid.uuid4().hex if leased else None
        due = now + timedelta(seconds=self._settings.lease if leased else delay)
        row = {
            "id": uuid.uuid4().hex,
            "handler": handler,
            "idempotency_key": idempotency_key,
            "payload": dict(payload),
            "state": "running" if leased else "pending",
            "attempts": int(leased),
            "failures": 0,
            "run_at": due,
            "lease": lease,
            "shared": False,
            "since": now,
            "requested_by": requested_by,
            "correlation_id": correlation_id,
            "created_at": now,
            "updated_at": now,
        }
        return self._database.write(self._accept, row, client_key, fingerprint)

    def _accept(
        self, connection: Connection, row: dict[str, Any], client_key: str | None, fingerprint: str
    ) -> Accepted:
        known = self._known(connection, client_key, fingerprint)
        if known is not None:
            told = (table.c.id == known.id, table.c.state.in_(ACTIVE))
            connection.execute(update(table).where(*told).values(shared=True))
            return Accepted(known, created=False, replayed=True)
        operation, created = self._insert_or_find(connection, row)
        if client_key is not None:
            pair = {"key": client_key, "fingerprint": fingerprint, "operation_id": operation.id}
            insert = self._insert(keys).values(**pair, created_at=row["created_at"])
            if not connection.execute(insert.on_conflict_do_nothing()).rowcount:
                # The same key came at the same time: if with something else, nothing of ours stays.
                other = self._known(connection, client_key, fingerprint)
                if other is not None and other.id != operation.id:
                    connection.execute(delete(table).where(table.c.id == row["id"]))
                    return Accepted(other, created=False, replayed=True)
        lease = Lease(operation, row["lease"]) if created and row["lease"] else None
        return Accepted(operation, created, lease=lease)

    def _known(
        self, connection: Connection, client_key: str | None, fingerprint: str
    ) -> Operation | None:
        """What an earlier request with the key led to."""
        if client_key is None:
            return None
        found = connection.execute(select(keys).where(keys.c.key == client_key)).one_or_none()
        if found is None:
            return None
        if found.fingerprint != fingerprint:
            raise IdempotencyError(f"the key {client_key!r} came before with another request")
        return find(connection, found.operation_id)

    def _insert_or_find(
        self, connection: Connection, row: dict[str, Any]
    ) -> tuple[Operation, bool]:
        insert = self._insert(table).values(**row).on_conflict_do_nothing().returning(table)
        active = (
            table.c.handler == row["handler"],
            table.c.idempotency_key == row["idempotency_key"],
            table.c.state.in_(ACTIVE),
        )
        shared = update(table).where(*active).values(shared=True).returning(table)
        for _ in range(_TRIES):
            made = connection.execute(insert).one_or_none()
            if made is not None:
                return Operation.of(made), True
            found = connection.execute(shared).one_or_none()
            if found is not None:
                return Operation.of(found), False
        raise OperationConflictError("the same operation is done again and again")

    def get(self, operation_id: str) -> Operation | None:
        """One operation."""
        return self._database.read(find, operation_id) if is_id(operation_id) else None

    # -- doing ---------------------------------------------------------------------------------

    def claim(self, handler: str) -> Lease | None:
        """Lease the operation of a handler that has been due for longest; None when none is."""
        return self._database.write(self._claim, handler)

    def _claim(self, connection: Connection, handler: str) -> Lease | None:
        now, token = self._clock.utc(), uuid.uuid4().hex
        due = (
            select(table.c.id)
            .where(table.c.handler == handler, table.c.state.in_(ACTIVE), table.c.run_at <= now)
            .order_by(table.c.run_at, table.c.created_at)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        values = {
            "state": "running",
            "lease": token,
            "run_at": now + timedelta(seconds=self._settings.lease),
            "attempts": table.c.attempts + 1,
            "updated_at": now,
        }
        claimed = update(table).where(table.c.id == due).values(values).returning(table)
        row = connection.execute(claimed).one_or_none()
        return None if row is None else Lease(Operation.of(row), token)

    def finish(self, lease: Lease, result: Any) -> bool:
        """It is done. False when the lease was over, as for all that follow here."""
        now, none = self._clock.utc(), None
        done = {"state": "done", "result": result, "finished_at": now, "run_at": now}
        return self._settle(lease, **done, error_type=none, error_message=none)

    def put_off(
        self,
        lease: Lease,
        delay: float,
        error: BaseException | None = None,
        *,
        own: bool = False,
        settle: float = 0.0,
    ) -> bool:
        """It is to be tried again in `delay` seconds; `own` when the failure was its own. For
        `settle` seconds it may still be under way: before that, not even an operator has it
        tried."""
        now = self._clock.utc()
        return self._settle(
            lease,
            state="pending",
            run_at=now + timedelta(seconds=max(delay, settle)),
            not_before=now + timedelta(seconds=settle) if settle else None,
            failures=table.c.failures + int(own),
            **_told(error),
        )

    def hand_back(self, lease: Lease) -> bool:
        """It was not tried: it is due again at once."""
        return self._settle(
            lease, state="pending", run_at=self._clock.utc(), attempts=table.c.attempts - 1
        )

    def bury(self, lease: Lease, error: BaseException, *, settle: float = 0.0) -> bool:
        """It can never be done: a dead letter, until an operator says otherwise. `settle` as in
        `put_off`."""
        now = self._clock.utc()
        return self._settle(
            lease,
            state="dead",
            failures=table.c.failures + 1,
            not_before=now + timedelta(seconds=settle) if settle else None,
            finished_at=now,
            **_told(error),
        )

    def withdraw(self, lease: Lease, error: BaseException) -> None:
        """It can never be done, and who made it is told so at once: forget it, unless others were
        told of it, who find a dead letter then."""

        def remove(connection: Connection) -> bool:
            held = (table.c.id == lease.operation.id, table.c.lease == lease.token)
            alone = delete(table).where(*held, table.c.shared.is_(False))
            if not connection.execute(alone).rowcount:
                return False
            connection.execute(delete(keys).where(keys.c.operation_id == lease.operation.id))
            return True

        if not self._database.write(remove):
            self.bury(lease, error)

    def _settle(self, lease: Lease, **values: Any) -> bool:
        now = self._clock.utc()

        def settle(connection: Connection) -> bool:
            held = (table.c.id == lease.operation.id, table.c.lease == lease.token)
            change = update(table).where(*held).values(lease=None, updated_at=now, **values)
            return bool(connection.execute(change).rowcount)

        return self._database.write(settle)

    def _insert(self, into: Table) -> Any:
        dialect = postgresql if self._database.dialect == "postgresql" else sqlite
        statement: Insert = dialect.insert(into)
        return statement


def is_id(text: str) -> bool:
    """Whether it could be the id of an operation."""
    return re.fullmatch("[0-9a-f]{32}", text) is not None


def find(connection: Connection, operation_id: str, *, lock: bool = False) -> Operation | None:
    """One operation, locked until the end of the transaction where that is wanted."""
    query = select(table).where(table.c.id == operation_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else Operation.of(row)


def _told(error: BaseException | None) -> dict[str, str]:
    if error is None:
        return {}
    kind, message = describe(error)
    return {"error_type": kind[:100], "error_message": message}
