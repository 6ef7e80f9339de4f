"""What operators see of the queue, and what they do to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from medianest.config import QueueSettings
from medianest.queue.operations import Operation, OperationConflictError, State
from medianest.queue.store import ACTIVE, find, is_id
from medianest.resilience import Clock
from medianest.resilience.snapshot import plain
from medianest.storage.database import Database
from medianest.storage.page import Cursor, newest
from medianest.storage.tables import deferred_operations as table
from medianest.storage.tables import idempotency_keys as keys

__all__ = ["QueueAdmin"]


class QueueAdmin:
    """Looks at deferred operations, and retries or drops them by hand. Thread-safe.

    Raises the errors of medianest.storage.errors, and OperationConflictError.
    """

    def __init__(self, database: Database, settings: QueueSettings, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    def retry(self, operation_id: str) -> Operation | None:
        """Have a dead or waiting operation done as soon as it may be, with all its attempts and
        its whole time before it; None when there is none. Raises OperationConflictError for one
        that runs or is done."""
        return self._database.write(self._retry, operation_id) if is_id(operation_id) else None

    def _retry(self, connection: Connection, operation_id: str) -> Operation | None:
        found, now = find(connection, operation_id, lock=True), self._clock.utc()
        if found is None:
            return None
        if found.state_at(now) not in ("dead", "pending"):
            raise OperationConflictError(f"the operation is {found.state}")
        values = {
            "state": "pending",
            "attempts": 0,
            "failures": 0,
            "run_at": max(now, found.not_before or now),
            "lease": None,
            "since": now,
            "updated_at": now,
            "finished_at": None,
        }
        change = update(table).where(table.c.id == operation_id).values(values).returning(table)
        try:
            with connection.begin_nested():
                return Operation.of(connection.execute(change).one())
        except IntegrityError:
            raise OperationConflictError("the same operation is to be done already") from None

    def drop(self, operation_id: str) -> Operation | None:
        """Remove one that is not wanted any more; None when there is none. Raises
        OperationConflictError for one that runs."""
        return self._database.write(self._drop, operation_id) if is_id(operation_id) else None

    def _drop(self, connection: Connection, operation_id: str) -> Operation | None:
        found = find(connection, operation_id, lock=True)
        if found is not None and found.state_at(self._clock.utc()) == "running":
            raise OperationConflictError("the operation is running")
        connection.execute(delete(table).where(table.c.id == operation_id))
        connection.execute(delete(keys).where(keys.c.operation_id == operation_id))
        return found

    def undone(self, handler: str, limit: int) -> tuple[list[Operation], int]:
        """What is not done yet or dead, newest first, and how much there is of it in all."""
        wanted = (table.c.handler == handler, table.c.state != "done")

        def look(connection: Connection) -> tuple[list[Operation], int]:
            newest_first = (table.c.created_at.desc(), table.c.id.desc())
            rows = select(table).where(*wanted).order_by(*newest_first).limit(limit)
            total = select(func.count()).select_from(table).where(*wanted)
            found = [Operation.of(row) for row in connection.execute(rows)]
            return found, connection.execute(total).scalar_one()

        return self._database.read(look)

    def page(
        self,
        *,
        state: State | None = None,
        handler: str | None = None,
        after: Cursor | None = None,
        limit: int = 50,
    ) -> tuple[list[Operation], Cursor | None]:
        """Operations, newest first, and where the next page begins."""
        wanted = [
            column == value
            for column, value in ((table.c.state, state), (table.c.handler, handler))
            if value is not None
        ]

        def look(connection: Connection) -> tuple[list[Operation], Cursor | None]:
            rows, cursor = newest(connection, table, "created_at", wanted, after, limit)
            return [Operation.of(row) for row in rows], cursor

        return self._database.read(look)

    def figures(self) -> dict[str, Any]:
        """How many are in which state, and since when the oldest waits."""

        def look(connection: Connection) -> dict[str, Any]:
            counted = select(table.c.state, func.count()).group_by(table.c.state)
            counts = {row[0]: row[1] for row in connection.execute(counted)}
            oldest = select(func.min(table.c.created_at)).where(table.c.state.in_(ACTIVE))
            since: datetime | None = connection.execute(oldest).scalar()
            return {
                **{state: counts.get(state, 0) for state in (*ACTIVE, "done", "dead")},
                "oldest": plain(since),
            }

        return self._database.read(look)

    def prune(self) -> int:
        """Remove what has been done for long; how many."""
        before = self._clock.utc() - timedelta(seconds=self._settings.keep)

        def remove(connection: Connection) -> int:
            old = (table.c.state == "done", table.c.finished_at < before)
            removed = connection.execute(delete(table).where(*old)).rowcount
            gone = keys.c.operation_id.not_in(select(table.c.id))
            connection.execute(delete(keys).where(keys.c.created_at < before, gone))
            return removed

        return self._database.write(remove)
