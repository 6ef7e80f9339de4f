"""Accepting an operation: once for each idempotency key, and once for each key of a client."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from medianest.queue.bound import QueueBound
from medianest.queue.doubt import take_doubt
from medianest.queue.errors import IdempotencyError, OperationConflictError, QueueFullError
from medianest.queue.operations import Accepted, Lease, Operation
from medianest.storage.tables import ACTIVE
from medianest.storage.tables import deferred_operations as table
from medianest.storage.tables import idempotency_keys as keys

__all__ = ["Acceptance"]

_TRIES = 5
"""An operation may end just between two statements about it; then they are tried again."""


@dataclass(frozen=True)
class Acceptance:
    """One row that is to be kept, unless it is kept already."""

    row: dict[str, Any]
    client_key: str | None
    fingerprint: str
    bound: QueueBound
    """When it is reached nothing new is kept; what is kept already is still the answer."""
    dialect: str

    def run(self, connection: Connection) -> Accepted:
        """Keep it, or find what it is the same as. Raises IdempotencyError, QueueFullError."""
        known = self._known(connection)
        if known is not None:
            told = (table.c.id == known.id, ACTIVE)
            connection.execute(update(table).where(*told).values(shared=True))
            return Accepted(known, created=False, replayed=True)
        full = self.bound.refusal(connection, self.row["requested_by"])
        if full is not None and self.client_key is not None:
            raise full  # its key would be one more
        operation, created = self._insert_or_find(connection, full)
        if self.client_key is not None:
            pair = {"key": self._key, "fingerprint": self.fingerprint}
            pair |= {"operation_id": operation.id, "created_at": self.row["created_at"]}
            if not connection.execute(_insert_key(self.dialect), pair).rowcount:
                # The same key came at the same time: if with something else, nothing of ours stays.
                other = self._known(connection)
                if other is not None and other.id != operation.id:
                    connection.execute(delete(table).where(table.c.id == self.row["id"]))
                    return Accepted(other, created=False, replayed=True)
        lease = None
        if created and operation.state == "running":
            lease = Lease(operation, self.row["lease"])
        return Accepted(operation, created, lease=lease)

    @property
    def _key(self) -> str:
        """As it is kept: two clients that choose the same key know nothing of each other."""
        whose = f"{self.row['requested_by']}\n{self.client_key}"
        return hashlib.sha256(whose.encode()).hexdigest()

    def _known(self, connection: Connection) -> Operation | None:
        """What an earlier request with the client's key led to."""
        if self.client_key is None:
            return None
        found = connection.execute(select(keys).where(keys.c.key == self._key)).one_or_none()
        if found is None:
            return None
        if found.fingerprint != self.fingerprint:
            raise IdempotencyError(f"the key {self.client_key!r} came before with another request")
        row = connection.execute(select(table).where(table.c.id == found.operation_id))
        kept = row.one_or_none()
        return None if kept is None else Operation.of(kept)

    def _insert_or_find(
        self, connection: Connection, full: QueueFullError | None
    ) -> tuple[Operation, bool]:
        row = self.row
        same = {"of_handler": row["handler"], "of_key": row["idempotency_key"]}
        for _ in range(_TRIES):
            if full is None:
                made = connection.execute(_insert_row(self.dialect), row).one_or_none()
                if made is not None:
                    return Operation.of(made), True
            found = connection.execute(_SHARE, same).one_or_none()
            if found is not None:
                return Operation.of(found), False
            if full is not None:
                raise full
            # Another operation on the same subject is under way: this one waits. Or that one is a
            # dead letter in doubt, and this one is to find out.
            subject = row["subject"]
            doubt = take_doubt(connection, row["handler"], [subject]).get(subject, {})
            row = {**row, **_WAITING, "run_at": row["created_at"], **doubt}
        raise OperationConflictError("the same operation keeps changing: try again")


# Made once: making a statement of twenty values takes longer than having it done.


_SHARE = (
    update(table)
    .where(
        table.c.handler == bindparam("of_handler"),
        table.c.idempotency_key == bindparam("of_key"),
        ACTIVE,
    )
    .values(shared=True)
    .returning(table)
)


@cache
def _insert_row(dialect: str) -> Any:
    return _insert(table, dialect).on_conflict_do_nothing().returning(table)


@cache
def _insert_key(dialect: str) -> Any:
    return _insert(keys, dialect).on_conflict_do_nothing()


def _insert(into: Table, dialect: str) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(into)


_WAITING = {"state": "pending", "due": 1, "occupies": 0, "attempts": 0, "lease": None}
