"""What a retry by hand makes of a row, and what it leaves as it is."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from medianest.queue.admin import QueueAdmin, Retried
from medianest.queue.errors import OperationConflictError
from medianest.resilience import ManualClock
from medianest.storage.database import Database
from medianest.storage.tables import deferred_operations as table
from tests.queue.by_hand import QueueByHand
from tests.support.narrowing import not_none


def keep(queue: QueueByHand, key: str = "a", handler: str = "h", **options: Any) -> Any:
    return queue.enqueue(handler, {"n": 1}, key, **options)


@pytest.fixture
def row(database: Database) -> Callable[[Any], Any]:
    """The row of an operation, column by column."""

    def read(operation_id: Any) -> Any:
        query = select(table).where(table.c.id == operation_id)
        return database.read(lambda connection: connection.execute(query).mappings().one())

    return read


@pytest.fixture
def write(database: Database) -> Callable[..., None]:
    """Changes columns of it."""

    def change(operation_id: Any, **values: Any) -> None:
        statement = update(table).where(table.c.id == operation_id).values(**values)
        database.write(lambda connection: connection.execute(statement))

    return change


def test_one_that_waits_has_all_its_attempts_and_its_whole_time(
    queue: QueueByHand,
    admin: QueueAdmin,
    clock: ManualClock,
    row: Callable[[Any], Any],
    write: Callable[..., None],
) -> None:
    one = keep(queue, delay=500).operation
    write(one.id, attempts=5, failures=4, failing_since=clock.utc())
    clock.advance(10)
    admin.retry(one.id)
    found, now = row(one.id), clock.utc()
    fresh = {"state": "pending", "due": 1, "attempts": 0, "failures": 0, "failing_since": None}
    fresh |= {"run_at": now, "since": now, "updated_at": now, "finished_at": None, "lease": None}
    sure = {"occupies": 0, "in_doubt_since": None, "first_sent_at": None, "absent_since": None}
    assert {name: found[name] for name in (*fresh, *sure)} == {**fresh, **sure}


def test_one_whose_holder_is_gone_is_in_doubt(
    queue: QueueByHand, admin: QueueAdmin, clock: ManualClock, row: Callable[[Any], Any]
) -> None:
    began = clock.utc()
    lease = keep(queue, leased=True).lease
    clock.advance(61)
    admin.retry(lease.operation.id)
    found = row(lease.operation.id)
    assert (found["state"], found["occupies"], found["lease"]) == ("pending", 1, None)
    assert (found["first_sent_at"], found["absent_since"]) == (began, None)
    assert found["in_doubt_since"] == lease.operation.run_at


def test_what_was_sent_before_was_sent_then(
    queue: QueueByHand,
    admin: QueueAdmin,
    clock: ManualClock,
    row: Callable[[Any], Any],
    write: Callable[..., None],
) -> None:
    lease, before = keep(queue, leased=True).lease, clock.utc()
    clock.advance(61)
    write(lease.operation.id, first_sent_at=before, absent_since=before)
    admin.retry(lease.operation.id)
    found = row(lease.operation.id)
    assert (found["first_sent_at"], found["absent_since"]) == (before, None)


def test_one_in_doubt_is_looked_for_from_where_it_was(
    queue: QueueByHand,
    admin: QueueAdmin,
    clock: ManualClock,
    row: Callable[[Any], Any],
    write: Callable[..., None],
) -> None:
    lease, moment = keep(queue, leased=True).lease, clock.utc()
    queue.bury(lease, ValueError())
    doubt = dict.fromkeys(("in_doubt_since", "first_sent_at", "absent_since"), moment)
    write(lease.operation.id, **doubt)
    clock.advance(10)
    admin.retry(lease.operation.id)
    found = row(lease.operation.id)
    assert {name: found[name] for name in doubt} == doubt
    assert found["occupies"] == 1


@pytest.mark.parametrize("state", ["running", "done"])
def test_what_runs_or_is_done_is_not_retried(
    queue: QueueByHand, admin: QueueAdmin, state: Any
) -> None:
    lease = keep(queue, leased=True).lease
    if state == "done":
        queue.finish(lease, None)
    with pytest.raises(OperationConflictError, match=rf"^the operation is {state}$"):
        admin.retry(lease.operation.id)


def test_all_dead_letters_of_a_handler_are_retried_but_for_those_that_wait_again(
    queue: QueueByHand, admin: QueueAdmin
) -> None:
    def bury(key: str, handler: str) -> Any:
        lease = keep(queue, key, handler, leased=True).lease
        queue.bury(lease, ValueError())
        return lease.operation.id

    mine = [bury(key, "h") for key in "abc"]
    others = bury("a", "other")
    keep(queue, "c")  # the same, once more
    assert admin.retry_dead("h") == Retried(2, 1, is_complete=True)
    states = [not_none(queue.get(each)).state for each in (*mine, others)]
    assert states == ["pending", "pending", "dead", "dead"]
    with pytest.raises(OperationConflictError) as caught:
        admin.retry(mine[2])
    assert str(caught.value) == "the same operation is waiting already"
    assert admin.retry_dead() == Retried(1, 1, is_complete=True)


def test_what_is_put_off_or_dead_without_more_is_neither_its_fault_nor_in_doubt(
    queue: QueueByHand, row: Callable[[Any], Any]
) -> None:
    lease = keep(queue, leased=True).lease
    assert queue.reschedule(lease, 0)
    assert row(lease.operation.id)["failures"] == 0
    assert queue.bury(not_none(queue.claim("h")), ValueError())
    found = row(lease.operation.id)
    assert (found["failures"], found["occupies"], found["in_doubt_since"]) == (1, 0, None)
