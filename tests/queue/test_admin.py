"""What operators see of the queue and what they take out of it: the figures, the borders."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Executable, insert, select

from medianest.queue.admin import QueueAdmin
from medianest.queue.errors import OperationConflictError
from medianest.resilience import ManualClock
from medianest.storage.database import Database
from medianest.storage.tables import deferred_operations as table
from medianest.storage.tables import idempotency_keys as keys
from tests.queue.by_hand import QueueByHand
from tests.support.narrowing import not_none


def put(queue: QueueByHand, key: str = "a", handler: str = "h", **options: Any) -> Any:
    return queue.enqueue(handler, {"n": 1}, key, **options).operation


@pytest.fixture
def known_keys(database: Database) -> Callable[[], Any]:
    def read() -> Any:
        rows = database.read(lambda connection: connection.execute(select(keys.c.key)).all())
        return sorted(row.key for row in rows)

    return read


def test_of_what_is_not_done_the_newest_are_told_and_how_much_there_is(
    queue: QueueByHand, admin: QueueAdmin, clock: ManualClock
) -> None:
    for key in "abcd":
        put(queue, key)
        clock.advance(1)
    queue.finish(not_none(queue.claim("h")), None)
    queue.bury(not_none(queue.claim("h")), ValueError())
    put(queue, "x", handler="other")

    def told(limit: Any) -> Any:
        found, in_all = admin.undone("h", limit)
        return "".join(each.idempotency_key for each in found), in_all

    assert told(10) == ("dcb", 3)
    assert told(2) == ("dc", 4)  # of all handlers, as counting takes its time


def test_a_page_has_fifty(queue: QueueByHand, admin: QueueAdmin) -> None:
    for number in range(51):
        put(queue, str(number))
    found, cursor = admin.page()
    assert (len(found), cursor is None) == (50, False)


def test_figures_are_a_second_old_at_most(
    queue: QueueByHand, admin: QueueAdmin, clock: ManualClock
) -> None:
    assert admin.figures()["pending"] == 0
    first = put(queue)
    clock.advance(0.9)
    assert admin.figures()["pending"] == 0
    clock.advance(0.1)
    assert admin.figures()["pending"] == 1
    assert admin.figures()["oldest"] == first.as_dict()["created_at"]


def test_the_oldest_is_that_of_what_waits_or_runs(
    queue: QueueByHand, admin: QueueAdmin, clock: ManualClock
) -> None:
    for key in "abc":
        put(queue, key)
        clock.advance(10)
    queue.bury(not_none(queue.claim("h")), ValueError())
    running = not_none(queue.claim("h"))
    assert admin.figures()["oldest"] == running.operation.as_dict()["created_at"]
    queue.finish(running, None)
    clock.advance(1)
    assert admin.figures()["oldest"] == not_none(queue.claim("h")).operation.as_dict()["created_at"]


def test_what_is_dropped_takes_its_own_keys_and_no_others(
    queue: QueueByHand, admin: QueueAdmin
) -> None:
    first = put(queue, "a", client_key="a", fingerprint="f")
    second = put(queue, "b", client_key="b", fingerprint="f")
    assert not_none(admin.drop(first.id)).id == first.id
    assert queue.enqueue("h", {}, "b", client_key="b", fingerprint="f").operation.id == second.id
    assert queue.enqueue("h", {}, "a", client_key="a", fingerprint="new").created


def test_what_runs_is_not_dropped(queue: QueueByHand, admin: QueueAdmin) -> None:
    put(queue)
    lease = not_none(queue.claim("h"))
    with pytest.raises(OperationConflictError, match=r"^the operation is running$"):
        admin.drop(lease.operation.id)
    assert queue.get(not_none(lease).operation.id) is not None


def test_all_that_is_old_is_pruned_and_counted_in_many_steps(
    queue: QueueByHand,
    admin: QueueAdmin,
    database: Database,
    clock: ManualClock,
    known_keys: Callable[[], Any],
) -> None:
    def fill(connection: Any) -> None:
        row = connection.execute(select(table)).mappings().one()
        rows = [{**row, "id": f"{n:032x}", "idempotency_key": str(n)} for n in range(450)]
        connection.execute(insert(table), rows)

    put(queue, client_key="k", fingerprint="f")
    queue.finish(not_none(queue.claim("h")), None)
    database.write(fill)
    young = put(queue, "young", client_key="young", fingerprint="f")
    clock.advance(1001)
    assert admin.prune() == 451
    assert [each.id for each in admin.page()[0]] == [young.id]
    assert len(known_keys()) == 1


def test_what_is_just_as_old_as_it_may_be_is_kept(
    queue: QueueByHand, admin: QueueAdmin, clock: ManualClock
) -> None:
    put(queue)
    queue.finish(not_none(queue.claim("h")), None)
    clock.advance(1000)
    assert admin.prune() == 0


def test_keys_of_what_is_gone_are_pruned_when_they_are_old(
    queue: QueueByHand,
    admin: QueueAdmin,
    database: Database,
    clock: ManualClock,
    known_keys: Callable[[], Any],
) -> None:
    for key, seconds in (("old", 600), ("young", 0)):
        made = put(queue, key, client_key=key, fingerprint="f")
        statement = table.delete().where(table.c.id == made.id)
        database.write(partial(_run, statement))
        clock.advance(seconds)
    kept = put(queue, "kept", client_key="kept", fingerprint="f")
    clock.advance(400)
    assert len(known_keys()) == 3
    assert admin.prune() == 0  # the old one is just as old as it may be
    clock.advance(1)
    assert admin.prune() == 1
    assert len(known_keys()) == 2
    assert admin.drop(kept.id) is not None


def _run(statement: Executable, connection: Connection) -> None:
    connection.execute(statement)
