"""How an operation went, as its row keeps it: done, to be tried later, untried, or dead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import Connection, bindparam, delete, update

from medianest.queue.errors import PayloadError
from medianest.queue.operations import Lease
from medianest.resilience.snapshot import describe
from medianest.storage.tables import deferred_operations as table
from medianest.storage.tables import idempotency_keys as keys

__all__ = ["Settlement", "settle_rows", "withdraw_row"]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of a leased operation: the `values` of its row."""

    lease: Lease
    values: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def done(cls, lease: Lease, result: Any, now: datetime) -> Self:
        """It is done."""
        values = _ended(now, "done") | _told(None) | _known_to_be_over()
        return cls(lease, {**values, "result": result})

    @classmethod
    def dead(
        cls,
        lease: Lease,
        now: datetime,
        error: BaseException,
        *,
        in_doubt: bool = False,
        sent: bool = True,
    ) -> Self:
        """It can never be done; where it is `in_doubt`, it may have been all the same, now or, not
        `sent` now, before."""
        doubt = _in_doubt(lease, now) if in_doubt else _known_to_be_over()
        if in_doubt and not sent:
            doubt = {"occupies": 1, "absent_since": None}
        failed = {"failures": lease.operation.failures + 1}
        return cls(lease, _ended(now, "dead") | _told(error) | doubt | failed)

    @classmethod
    def damaged(cls, lease: Lease, now: datetime) -> Self:
        """Its row cannot be read, and is kept as it is but for that."""
        error = PayloadError(lease.operation.damage or "its row cannot be read")
        return cls(lease, _ended(now, "dead") | _told(error) | {"occupies": 0})

    @classmethod
    def later(
        cls,
        lease: Lease,
        now: datetime,
        delay: float,
        error: BaseException | None,
        *,
        own: bool = False,
        in_doubt: bool = False,
    ) -> Self:
        """It failed, and is tried again in `delay` seconds."""
        values = _waiting(now, delay) | _told(error)
        values |= _in_doubt(lease, now) if in_doubt else _known_to_be_over()
        if own:
            values |= _own_failure(lease, now)
        return cls(lease, values)

    @classmethod
    def still_in_doubt(
        cls,
        lease: Lease,
        now: datetime,
        delay: float,
        *,
        absent_since: datetime | None,
        error: BaseException | None = None,
        own: bool = False,
    ) -> Self:
        """It was looked for, and what came of it is not proven yet."""
        values = _waiting(now, delay) | {"occupies": 1, "absent_since": absent_since}
        if own:
            values |= _own_failure(lease, now)
        return cls(lease, values | (_told(error) if error is not None else {}))

    @classmethod
    def untried(cls, lease: Lease, now: datetime) -> Self:
        """Nobody tried it: it is due at once."""
        operation = lease.operation
        values = _waiting(now, 0.0) | {"attempts": operation.attempts - 1}
        return cls(lease, values | {"occupies": int(operation.in_doubt_since is not None)})


def _ended(now: datetime, state: str) -> dict[str, Any]:
    return {"state": state, "due": 0, "run_at": now, "finished_at": now}


def _waiting(now: datetime, delay: float) -> dict[str, Any]:
    run_at = now + timedelta(seconds=delay)
    return {"state": "pending", "due": int(delay <= 0), "run_at": run_at}


def _own_failure(lease: Lease, now: datetime) -> dict[str, Any]:
    operation = lease.operation
    since = operation.failing_since or now
    return {"failures": operation.failures + 1, "failing_since": since}


def _in_doubt(lease: Lease, now: datetime) -> dict[str, Any]:
    operation = lease.operation
    # What was sent before and proven to be absent is not that which may be there now.
    proven = operation.in_doubt_since is None or operation.absent_since is not None
    first = None if proven else operation.first_sent_at
    sent = {"first_sent_at": first or operation.updated_at}
    return {"occupies": 1, "in_doubt_since": now, "absent_since": None, **sent}


def _known_to_be_over() -> dict[str, Any]:
    return {"occupies": 0, "in_doubt_since": None, "first_sent_at": None, "absent_since": None}


def _told(error: BaseException | None) -> dict[str, Any]:
    if error is None:
        return {"error_type": None, "error_message": None}
    kind, message = describe(error)
    return {"error_type": kind[:100], "error_message": message}


def settle_rows(connection: Connection, settlements: Iterable[Settlement], now: datetime) -> int:
    """Write them under their leases; how many still had theirs."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    # All who change many rows do so in one order, or they would wait for each other in a circle.
    for each in sorted(settlements, key=lambda each: each.lease.operation.id):
        bound = {f"new_{name}": value for name, value in each.values.items()}
        row = {**bound, "held_id": each.lease.operation.id, "held_lease": each.lease.token}
        groups.setdefault(tuple(sorted(each.values)), []).append(row)
    settled = 0
    for names, rows in groups.items():
        held = (table.c.id == bindparam("held_id"), table.c.lease == bindparam("held_lease"))
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
        change = update(table).where(*held).values(lease=None, updated_at=now, **values)
        settled += connection.execute(change, rows).rowcount
    return settled


def withdraw_row(connection: Connection, lease: Lease) -> bool:
    """Remove an operation and its client keys, unless others were told of it."""
    held = (table.c.id == lease.operation.id, table.c.lease == lease.token)
    alone = delete(table).where(*held, table.c.shared.is_(False))
    if not connection.execute(alone).rowcount:
        return False
    connection.execute(delete(keys).where(keys.c.operation_id == lease.operation.id))
    return True
