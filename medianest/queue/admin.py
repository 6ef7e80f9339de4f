"""What operators see of the queue, and what they do to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, exists, func, select, update
from sqlalchemy.exc import IntegrityError

from medianest.config import QueueSettings
from medianest.queue.errors import OperationConflictError
from medianest.queue.operations import Operation, State
from medianest.queue.store import ACTIVE, find, is_id
from medianest.resilience import CallRefusedError, Clock, remaining
from medianest.resilience.snapshot import plain
from medianest.resilience.steps import ClockSteps
from medianest.storage.database import Database
from medianest.storage.errors import StorageError
from medianest.storage.page import newest
from medianest.storage.selection import Cursor
from medianest.storage.tables import DEAD, FAILING
from medianest.storage.tables import deferred_operations as table
from medianest.storage.tables import idempotency_keys as keys

__all__ = ["QueueAdmin", "Retried"]

_AT_ONCE = 200
"""Dead letters that are retried in one transaction: others write, too."""

_FIGURES_SECONDS = 1.0
"""How old the figures may be: many look, and counting a long queue takes its time."""

_OFTEN = 3
"""Failures of its own after which an operation that waits is told as failing."""


_TIME_TO_ANSWER = 1.0
"""Seconds of a deadline that are left for telling what has been done."""


@dataclass(frozen=True, slots=True)
class Retried:
    """How many dead letters are to be done again, and how many stay dead as the same is to be done
    already or they cannot be read; not `is_complete` where there was no time for others."""

    retried: int
    kept: int
    is_complete: bool


class QueueAdmin:
    """Looks at deferred operations, and retries or drops them by hand. Thread-safe.

    Raises the errors of medianest.storage.errors, and OperationConflictError.
    """

    def __init__(self, database: Database, settings: QueueSettings, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._steps = ClockSteps(clock)
        self._figures: tuple[float, dict[str, Any]] | None = None

    def retry(self, operation_id: str) -> Operation | None:
        """Have a dead or waiting operation done as soon as it may be, with all its attempts and
        its whole time before it; None when there is none. One that may have been done is looked
        for first. Raises OperationConflictError for one that runs or is done."""
        return self._database.write(self._retry, operation_id) if is_id(operation_id) else None

    def retry_dead(self, handler: str | None = None) -> Retried:
        """Retry all dead letters, or those of one handler, a few hundred at a time, while there
        is time. Raises StorageError when not one could be."""
        retried = kept = 0
        after: str | None = ""
        while after is not None and (not after or remaining() > _TIME_TO_ANSWER):
            try:
                found, refused, after = self._database.write(self._retry_some, handler, after)
            except (StorageError, CallRefusedError):
                if not after:
                    raise
                break  # those before it are retried all the same
            retried, kept = retried + found, kept + refused
        return Retried(retried, kept, is_complete=after is None)

    def _retry_some(
        self, connection: Connection, handler: str | None, after: str
    ) -> tuple[int, int, str | None]:
        """The next ones by their ids: how many, how many not, and where to go on."""
        dead = select(table.c.id).where(DEAD, table.c.id > after)
        if handler is not None:
            dead = dead.where(table.c.handler == handler)
        ids = [row.id for row in connection.execute(dead.order_by(table.c.id).limit(_AT_ONCE))]
        retried = 0
        for operation_id in ids:
            try:
                retried += self._retry(connection, operation_id) is not None
            except OperationConflictError:
                pass  # it stays where it is
        return retried, len(ids) - retried, ids[-1] if ids else None

    def _retry(self, connection: Connection, operation_id: str) -> Operation | None:
        found, now = find(connection, operation_id, lock=True), self._clock.utc()
        if found is None:
            return None
        if found.state_at(now) not in ("dead", "pending"):
            raise OperationConflictError(f"the operation is {found.state}")
        if found.damage is not None:
            raise OperationConflictError(found.damage)
        was_running = found.state == "running"
        values = {
            "state": "pending",
            "due": 1,
            "occupies": int(was_running or found.in_doubt_since is not None),
            "first_sent_at": (found.first_sent_at or found.updated_at)
            if was_running
            else found.first_sent_at,
            "in_doubt_since": found.run_at if was_running else found.in_doubt_since,
            # Found absent once, it is looked for once more, and not from the beginning.
            "absent_since": None if was_running else found.absent_since,
            "attempts": 0,
            "failures": 0,
            "failing_since": None,
            "run_at": now,
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
            raise OperationConflictError("the same operation is waiting already") from None

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

        def look(connection: Connection) -> list[Operation]:
            newest_first = (table.c.created_at.desc(), table.c.id.desc())
            rows = select(table).where(*wanted).order_by(*newest_first).limit(limit)
            return [Operation.of(row) for row in connection.execute(rows)]

        found, figures = self._database.read(look), self.figures()
        total = sum(figures[state] for state in (*ACTIVE, "dead"))
        return found, max(total, len(found)) if len(found) == limit else len(found)

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
        """How many are in which state, since when the oldest waits, and when that was so."""
        now, known = self._clock.now(), self._figures
        if known is None or now - known[0] >= _FIGURES_SECONDS:
            counted = {**self._database.read(_counted), "counted_at": plain(self._clock.utc())}
            known = self._figures = now, counted
        return known[1]

    def prune(self) -> int:
        """Remove what has been done for long; how many."""
        removed = 0
        while (some := self._database.write(self._prune_some)) > 0:
            removed += some
        return removed

    def _prune_some(self, connection: Connection) -> int:
        """Some of it: one transaction must not take long."""
        before = self._steps.ago(self._settings.keep)
        old = select(table.c.id).where(table.c.state == "done", table.c.finished_at < before)
        ids = [row.id for row in connection.execute(old.limit(_AT_ONCE))]
        connection.execute(delete(keys).where(keys.c.operation_id.in_(ids)))
        lost = select(keys.c.key).where(
            keys.c.created_at < before, ~exists().where(table.c.id == keys.c.operation_id)
        )
        alone = [row.key for row in connection.execute(lost.limit(_AT_ONCE))]
        connection.execute(delete(keys).where(keys.c.key.in_(alone)))
        return connection.execute(delete(table).where(table.c.id.in_(ids))).rowcount + len(alone)


def _counted(connection: Connection) -> dict[str, Any]:
    counted = select(table.c.state, func.count()).group_by(table.c.state)
    counts = {row[0]: row[1] for row in connection.execute(counted)}
    first = [
        found
        for state in ACTIVE
        if isinstance(found := connection.execute(_oldest(state)).scalar(), datetime)
    ]
    states = {state: counts.get(state, 0) for state in (*ACTIVE, "done", "dead")}
    failing = select(func.count()).where(FAILING, table.c.failures >= _OFTEN)
    states["failing"] = connection.execute(failing).scalar_one()
    return {**states, "oldest": plain(min(first, default=None))}


def _oldest(state: str) -> Select[tuple[Any]]:
    return select(func.min(table.c.created_at)).where(table.c.state == state)
