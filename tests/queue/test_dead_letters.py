"""What could not be done is kept with its error, until an operator retries or drops it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import text

from medianest.config import QueueSettings
from medianest.queue.admin import QueueAdmin, Retried
from medianest.queue.errors import OperationConflictError
from medianest.resilience import Deadline, ManualClock
from medianest.storage.database import Database
from medianest.storage.errors import DatabaseUnavailableError
from tests.queue.by_hand import QueueByHand
from tests.queue.putting import put
from tests.support.narrowing import not_none


def test_a_dead_letter_keeps_its_error_until_an_operator_retries_or_drops_it(
    queue: QueueByHand, admin: QueueAdmin
) -> None:
    put(queue)
    queue.bury(not_none(queue.claim("h")), LookupError("no such title"))
    (dead,) = admin.page(state="dead")[0]
    assert (dead.error_type, dead.error_message) == ("LookupError", "no such title")
    assert queue.claim("h") is None
    assert not_none(admin.retry(dead.id)).state == "pending"
    lease = not_none(queue.claim("h"))
    with pytest.raises(OperationConflictError):
        admin.drop(dead.id)
    with pytest.raises(OperationConflictError):
        admin.retry(dead.id)
    queue.reschedule(lease, 0)
    assert not_none(admin.drop(dead.id)).id == dead.id
    assert queue.get(dead.id) is None
    assert admin.drop(dead.id) is None
    assert admin.retry(dead.id) is None


def test_a_dead_letter_is_not_retried_beside_a_new_one_of_the_same(
    queue: QueueByHand, admin: QueueAdmin
) -> None:
    put(queue)
    queue.bury(not_none(queue.claim("h")), ValueError())
    dead = admin.page(state="dead")[0][0]
    put(queue)
    with pytest.raises(OperationConflictError, match="already"):
        admin.retry(dead.id)
    assert not_none(queue.get(dead.id)).state == "dead"


DAMAGES = {
    "payload": "{broken",
    "created_at": "yesterday",
    "failing_since": "never",
}


@pytest.mark.parametrize("column", DAMAGES)
def test_a_row_that_cannot_be_read_is_a_dead_letter_and_stops_nobody(
    column: str,
    tmp_path: Path,
    connect: Callable[..., Database],
    settings: QueueSettings,
    clock: ManualClock,
) -> None:
    """Keeps out: one damaged row stops the whole queue, and the list of it is an error."""
    database = connect(f"sqlite:///{tmp_path / 'damaged.db'}")
    database.upgrade()
    queue, admin = QueueByHand(database, settings, clock), QueueAdmin(database, settings, clock)
    made = put(queue, "damaged")
    put(queue, "good")
    statement = text(f"UPDATE deferred_operations SET {column} = :value WHERE id = :id")
    values = {"value": DAMAGES[column], "id": made.operation.id}
    database.write(lambda connection: connection.execute(statement, values))
    claimed = queue.claim_many("h", 10)
    assert [lease.operation.idempotency_key for lease in claimed] == ["good"]
    listed = {each.idempotency_key: each for each in admin.page()[0]}
    assert listed.keys() == {"damaged", "good"}
    assert listed["damaged"].state == "dead"
    assert column in not_none(listed["damaged"].error_message)
    assert admin.undone("h", 10)[1] == 2
    assert admin.figures()["running"] == 1


@pytest.mark.parametrize("run_at", ["never", "9999-01-01 00:00:00.000000"])
def test_a_row_whose_time_is_damaged_does_not_wait_for_ever(
    run_at: str,
    tmp_path: Path,
    connect: Callable[..., Database],
    settings: QueueSettings,
    clock: ManualClock,
) -> None:
    """Keeps out: it was neither done nor a dead letter, as its time never came."""
    database = connect(f"sqlite:///{tmp_path / 'damaged.db'}")
    database.upgrade()
    queue = QueueByHand(database, settings, clock)
    made, later = put(queue, "damaged", delay=5), put(queue, "good", delay=5)
    statement = text("UPDATE deferred_operations SET run_at = :value WHERE id = :id")
    values = {"value": run_at, "id": made.operation.id}
    database.write(lambda connection: connection.execute(statement, values))
    claimed = queue.claim_many("h", 10)
    assert [lease.operation.id for lease in claimed] == [made.operation.id]
    assert not_none(queue.get(later.operation.id)).state == "pending"


def test_all_dead_letters_are_retried_at_once_but_for_those_that_cannot_be(
    queue: QueueByHand, admin: QueueAdmin
) -> None:
    for number in range(450):
        put(queue, str(number))
    for lease in queue.claim_many("h", 500):
        queue.bury(lease, ValueError())
    put(queue, "7")
    assert admin.retry_dead() == Retried(449, 1, is_complete=True)
    assert admin.figures()["dead"] == 1
    assert admin.retry_dead("other") == Retried(0, 0, is_complete=True)


def test_what_fails_by_itself_again_and_again_is_counted(
    queue: QueueByHand, admin: QueueAdmin, clock: ManualClock
) -> None:
    """Keeps out: health that says 100 for a day, while one operation fails all the time."""
    put(queue)
    for failures in range(1, 4):
        queue.reschedule(not_none(queue.claim("h")), 0, ValueError("no"), own=True)
        clock.advance(2)
        assert admin.figures()["failing"] == (failures == 3)
    queue.finish(not_none(queue.claim("h")), None)
    clock.advance(2)
    assert admin.figures()["failing"] == 0


def test_a_retry_of_all_tells_how_many_there_was_time_for(
    queue: QueueByHand,
    admin: QueueAdmin,
    clock: ManualClock,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Keeps out: thousands are retried, and the answer says that nothing could be done."""
    for number in range(250):
        put(queue, str(number))
    for lease in queue.claim_many("h", 500):
        queue.bury(lease, ValueError())
    with Deadline(0.9, clock=clock).scope():
        assert admin.retry_dead() == Retried(200, 0, is_complete=False)
    write = database.write

    def fails_later(*args: Any) -> Any:
        monkeypatch.setattr(database, "write", fails)
        return write(*args)

    def fails(*args: Any) -> NoReturn:
        raise DatabaseUnavailableError("gone")

    monkeypatch.setattr(database, "write", fails_later)
    assert admin.retry_dead() == Retried(50, 0, is_complete=False)
    with pytest.raises(DatabaseUnavailableError):
        admin.retry_dead()
    monkeypatch.undo()
    assert admin.retry_dead() == Retried(0, 0, is_complete=True)


def test_what_a_dead_worker_held_can_be_retried_and_dropped(
    queue: QueueByHand, admin: QueueAdmin, clock: ManualClock
) -> None:
    put(queue)
    lease = not_none(queue.claim("h"))
    clock.advance(61)
    assert not_none(queue.get(lease.operation.id)).state_at(clock.utc()) == "pending"
    assert not_none(admin.retry(lease.operation.id)).state == "pending"
    assert admin.drop(lease.operation.id) is not None


@pytest.mark.parametrize("odd", ["a\0b", "\ud800", "x" * 32, "A" * 32, "'"])
def test_an_id_that_is_none_is_not_there(queue: QueueByHand, admin: QueueAdmin, odd: str) -> None:
    assert (queue.get(odd), admin.retry(odd), admin.drop(odd)) == (None, None, None)


def test_an_error_with_any_text_can_be_kept(queue: QueueByHand, admin: QueueAdmin) -> None:
    """Keeps out: one odd word of an upstream, and the operation is run for ever."""
    put(queue)
    queue.bury(not_none(queue.claim("h")), ValueError("half \ud800 and nul \0"))
    assert admin.page(state="dead")[0][0].error_message == "half ? and nul \ufffd"


def test_a_dead_letter_in_doubt_stays_in_doubt(queue: QueueByHand, admin: QueueAdmin) -> None:
    put(queue)
    lease = not_none(queue.claim("h"))
    queue.bury(lease, TimeoutError(), in_doubt=True)
    admin.retry(lease.operation.id)
    assert not_none(queue.claim("h")).operation.in_doubt_since is not None
