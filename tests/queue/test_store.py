"""The durable queue, on SQLite and on PostgreSQL: accepted once, leased to one, never lost."""

import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import event, text

from medianest.config import QueueSettings
from medianest.queue.admin import QueueAdmin, Retried
from medianest.queue.operations import (
    Accepted,
    IdempotencyError,
    OperationConflictError,
    PayloadError,
    QueueFullError,
)
from medianest.resilience import Deadline, ManualClock
from medianest.storage import Database
from medianest.storage.errors import DatabaseUnavailableError
from medianest.storage.page import Cursor, CursorError
from tests.queue.by_hand import QueueByHand
from tests.support.narrowing import not_none

PAYLOAD = {"media_id": 1}
EAST = timezone(timedelta(hours=14))


def put(queue: QueueByHand, key: str = "a", **options: Any) -> Accepted:
    return queue.enqueue("h", PAYLOAD, key, **options)


def test_what_was_kept_is_claimed_once_and_done(queue: QueueByHand, admin: QueueAdmin) -> None:
    made = put(queue, requested_by="kim", correlation_id="abc")
    assert (made.created, made.operation.state, made.operation.payload) == (
        True,
        "pending",
        PAYLOAD,
    )
    lease = not_none(queue.claim("h"))
    assert (lease.operation.id, lease.operation.attempts) == (made.operation.id, 1)
    assert queue.claim("h") is None
    assert queue.finish(lease, {"number": 7})
    seen = not_none(queue.get(made.operation.id))
    assert (seen.state, seen.result, seen.requested_by) == ("done", {"number": 7}, "kim")
    figures = {"pending": 0, "running": 0, "done": 1, "dead": 0, "failing": 0, "oldest": None}
    assert admin.figures() == {**figures, "counted_at": "2026-01-01T00:00:00.000Z"}


def test_the_oldest_of_what_is_due_comes_first_and_nothing_before_it_is_due(
    queue: QueueByHand, clock: ManualClock
) -> None:
    for key, delay in (("late", 20), ("soon", 10), ("now", 0)):
        put(queue, key, delay=delay)
    assert not_none(queue.claim("h")).operation.idempotency_key == "now"
    assert queue.claim("h") is None
    clock.advance(20)
    keys = [not_none(queue.claim("h")).operation.idempotency_key for _ in range(2)]
    assert keys == ["late", "soon"]
    assert queue.claim("other") is None


def test_the_same_operation_is_kept_once_while_it_is_to_be_done(queue: QueueByHand) -> None:
    first = put(queue)
    again = put(queue)
    assert (again.created, again.operation.id) == (False, first.operation.id)
    lease = not_none(queue.claim("h"))
    assert put(queue).operation.id == first.operation.id
    queue.finish(lease, None)
    assert put(queue).created


def test_a_client_key_gives_the_same_answer_for_ever_and_refuses_another_request(
    queue: QueueByHand, admin: QueueAdmin
) -> None:
    first = put(queue, client_key="k", fingerprint="f")
    queue.finish(not_none(queue.claim("h")), {"number": 7})
    again = put(queue, client_key="k", fingerprint="f")
    assert (again.created, again.operation.result) == (False, {"number": 7})
    with pytest.raises(IdempotencyError):
        put(queue, "b", client_key="k", fingerprint="other")
    assert [each.id for each in admin.page()[0]] == [first.operation.id]


def test_the_same_key_of_two_clients_leads_to_two_operations(queue: QueueByHand) -> None:
    """Keeps out: one client that sees the other's operation, or is told that its own differs."""
    first = put(queue, client_key="k", fingerprint="f", requested_by="client")
    second = put(queue, "b", client_key="k", fingerprint="other", requested_by="operator")
    assert (second.created, second.replayed) == (True, False)
    again = put(queue, client_key="k", fingerprint="f", requested_by="client")
    assert (again.replayed, again.operation.id) == (True, first.operation.id)


def test_another_client_key_for_the_same_operation_leads_to_the_same(queue: QueueByHand) -> None:
    first = put(queue, client_key="k1", fingerprint="f")
    second = put(queue, client_key="k2", fingerprint="f")
    assert second.operation.id == first.operation.id
    assert put(queue, client_key="k2", fingerprint="f").operation.id == first.operation.id


def test_a_leased_operation_is_its_makers_until_the_lease_is_over(
    queue: QueueByHand, clock: ManualClock
) -> None:
    """Keeps out: a crash right after the answer loses what was accepted."""
    made = put(queue, leased=True)
    assert (made.lease is not None, made.operation.state) == (True, "running")
    clock.advance(59)
    assert queue.claim("h") is None
    clock.advance(2)
    taken = not_none(queue.claim("h"))
    assert (taken.operation.id, taken.operation.attempts) == (made.operation.id, 2)


def test_who_lost_the_lease_changes_nothing(queue: QueueByHand, clock: ManualClock) -> None:
    """Keeps out: a worker that was paused comes back and settles what another one does now."""
    put(queue)
    old = not_none(queue.claim("h"))
    clock.advance(61)
    new = not_none(queue.claim("h"))
    assert not queue.finish(old, "old")
    assert not queue.reschedule(old, 5)
    assert not queue.bury(old, ValueError())
    assert not queue.forget(old)
    assert queue.finish(new, "new")
    assert not_none(queue.get(new.operation.id)).result == "new"


def test_what_was_put_off_comes_again_and_counts_its_own_failures(
    queue: QueueByHand, clock: ManualClock
) -> None:
    put(queue)
    queue.reschedule(not_none(queue.claim("h")), 30, ValueError("once"), own=True)
    seen = queue.claim("h")
    assert seen is None
    clock.advance(30)
    lease = not_none(queue.claim("h"))
    assert (lease.operation.failures, lease.operation.attempts) == (1, 2)
    assert lease.operation.error_message == "once"
    queue.release(lease)
    assert not_none(queue.claim("h")).operation.attempts == 2


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


def test_what_was_withdrawn_is_forgotten_with_its_client_key(queue: QueueByHand) -> None:
    made = put(queue, client_key="k", fingerprint="f", leased=True)
    assert queue.forget(not_none(made.lease))
    assert queue.get(made.operation.id) is None
    assert put(queue, client_key="k", fingerprint="other").created


def test_what_is_done_is_pruned_after_a_while_and_dead_letters_are_not(
    queue: QueueByHand, admin: QueueAdmin, clock: ManualClock
) -> None:
    for key in "ab":
        put(queue, key, client_key=key, fingerprint=key)
    queue.finish(not_none(queue.claim("h")), None)
    queue.bury(not_none(queue.claim("h")), ValueError())
    clock.advance(999)
    assert admin.prune() == 0
    clock.advance(2)
    assert admin.prune() == 1
    assert [each.state for each in admin.page()[0]] == ["dead"]
    assert put(queue, "a", client_key="a", fingerprint="new").created  # its key went, too


def test_pages_are_newest_first_and_stay_right_while_new_ones_come(
    queue: QueueByHand, admin: QueueAdmin, clock: ManualClock
) -> None:
    for number in range(5):
        put(queue, str(number))
        clock.advance(1 if number % 2 else 0)  # some at the same instant
    first, cursor = admin.page(limit=2)
    put(queue, "new")
    second, cursor = admin.page(limit=2, after=Cursor.parse(str(cursor)))
    third, end = admin.page(limit=2, after=cursor)
    seen = [each.idempotency_key for each in (*first, *second, *third)]
    assert sorted(seen) == ["0", "1", "2", "3", "4"]
    assert end is None
    assert [each.created_at for each in first] == sorted(
        (each.created_at for each in first), reverse=True
    )


BEFORE_TIME = str(Cursor(datetime(1, 1, 1, tzinfo=EAST), "a" * 32))


@pytest.mark.parametrize("text", ["", "nonsense", "WyJ4Il0", "eyJhIjoxfQ", "\x00", BEFORE_TIME])
def test_a_cursor_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(CursorError):
        Cursor.parse(text)


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        ({"x": "a" * 20_000}, "bytes"),
        ({"x": object()}, "JSON"),
        ({"x": float("nan")}, "JSON"),
        ({"plex_token": "s3cret"}, "plex_token"),
        ({"deep": [{"Password": "s3cret"}]}, "Password"),
    ],
)
def test_a_payload_that_cannot_be_kept_is_refused(
    queue: QueueByHand, payload: Mapping[str, Any], word: str
) -> None:
    with pytest.raises(PayloadError, match=word) as caught:
        queue.enqueue("h", payload, "a")
    assert "s3cret" not in str(caught.value)


def test_many_who_ask_for_the_same_at_once_make_one(
    url: str,
    connect: Callable[..., Database],
    database: Database,
    settings: QueueSettings,
    clock: ManualClock,
) -> None:
    """Keeps out: eight identical requests create seven."""
    queues = [QueueByHand(connect(url), settings, clock) for _ in range(4)]
    gate = threading.Barrier(16)

    def ask(number: int) -> Accepted:
        gate.wait()
        return queues[number % 4].enqueue(
            "h", PAYLOAD, "same", client_key=f"k{number % 2}", fingerprint="f", leased=True
        )

    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(ask, range(16)))
    assert len({each.operation.id for each in made}) == 1
    assert sum(each.created for each in made) == 1
    assert sum(each.lease is not None for each in made) == 1


def test_many_who_claim_at_once_never_get_the_same(
    url: str,
    connect: Callable[..., Database],
    database: Database,
    settings: QueueSettings,
    clock: ManualClock,
) -> None:
    queues = [QueueByHand(connect(url), settings, clock) for _ in range(4)]
    for number in range(60):
        put(queues[0], str(number))

    def claim_all(queue: QueueByHand) -> list[str]:
        found = []
        while (lease := queue.claim("h")) is not None:
            found.append(lease.operation.idempotency_key)
        return found

    with ThreadPoolExecutor(8) as pool:
        found = [key for keys in pool.map(claim_all, queues * 2) for key in keys]
    assert sorted(found) == sorted(str(number) for number in range(60))


def test_what_others_were_told_of_is_not_forgotten(queue: QueueByHand) -> None:
    """Keeps out: a 202 whose Location leads nowhere."""
    made = put(queue, leased=True)
    assert put(queue).operation.id == made.operation.id
    assert not queue.forget(not_none(made.lease))
    assert not_none(queue.get(made.operation.id)).state == "running"


def test_who_retries_by_hand_does_not_make_what_is_in_doubt_forgotten(
    queue: QueueByHand, admin: QueueAdmin
) -> None:
    put(queue)
    queue.reschedule(not_none(queue.claim("h")), 1, TimeoutError(), in_doubt=True)
    (one,) = admin.page()[0]
    assert not_none(admin.retry(one.id)).in_doubt_since is not None
    assert not_none(queue.claim("h")).operation.in_doubt_since is not None


def test_a_lease_that_ran_out_leaves_in_doubt_what_came_of_it(
    queue: QueueByHand, clock: ManualClock
) -> None:
    put(queue)
    lease = not_none(queue.claim("h"))
    clock.advance(61)
    taken = not_none(queue.claim("h"))
    assert taken.operation.in_doubt_since == lease.operation.run_at
    queue.reschedule(taken, 0)
    assert not_none(queue.claim("h")).operation.in_doubt_since is None


def test_of_one_subject_one_is_under_way_at_a_time(queue: QueueByHand, clock: ManualClock) -> None:
    """Keeps out: two requests for one title meet at a server that checks before it creates."""
    first = put(queue, "a", subject="movie:1", leased=True)
    second = put(queue, "b", subject="movie:1", leased=True)
    assert (first.lease is not None, second.lease) == (True, None)
    put(queue, "c", subject="movie:2")
    assert not_none(queue.claim("h")).operation.idempotency_key == "c"
    assert queue.claim("h") is None
    queue.reschedule(not_none(first.lease), 5, TimeoutError(), in_doubt=True)
    assert queue.claim("h") is None
    clock.advance(5)
    in_doubt = not_none(queue.claim("h"))
    assert in_doubt.operation.idempotency_key == "a"
    assert queue.claim("h") is None
    queue.finish(in_doubt, None)
    assert not_none(queue.claim("h")).operation.idempotency_key == "b"


def test_many_claimed_at_once_have_each_subject_once(queue: QueueByHand) -> None:
    for number in range(6):
        put(queue, str(number), subject=f"movie:{number % 2}")
    assert len(queue.claim_many("h", 10)) == 2


def test_the_oldest_comes_first_whenever_it_becomes_due(
    queue: QueueByHand, clock: ManualClock
) -> None:
    put(queue, "old", delay=30)
    clock.advance(10)
    for number in range(3):
        put(queue, str(number))
    clock.advance(20)
    assert not_none(queue.claim("h")).operation.idempotency_key == "old"


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


def test_the_queue_has_a_bound_for_each_client_and_for_all(
    database: Database, settings: QueueSettings, clock: ManualClock
) -> None:
    """Keeps out: a client that asks in a loop fills the disk."""
    bound = {"max_operations": 5, "max_operations_per_client": 3}
    queue = QueueByHand(database, settings.model_copy(update=bound), clock)
    for number in range(3):
        put(queue, str(number), requested_by="kim")
    with pytest.raises(QueueFullError, match="3 operations of kim"):
        put(queue, "more", requested_by="kim")
    assert not put(queue, "0", requested_by="kim").created
    for number in range(2):
        put(queue, f"l{number}", requested_by="lou")
    with pytest.raises(QueueFullError, match="5 operations wait or could not"):
        put(queue, "l2", requested_by="lou")
    queue.finish(not_none(queue.claim("h")), None)
    clock.advance(1)
    assert put(queue, "l2", requested_by="lou").created


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


def test_who_was_told_of_it_by_its_key_finds_it_as_well(queue: QueueByHand) -> None:
    made = put(queue, client_key="k", fingerprint="f", leased=True)
    put(queue, client_key="k", fingerprint="f")
    assert not queue.forget(not_none(made.lease))
    assert not_none(queue.get(made.operation.id)).state == "running"


def test_a_dead_letter_in_doubt_stays_in_doubt(queue: QueueByHand, admin: QueueAdmin) -> None:
    put(queue)
    lease = not_none(queue.claim("h"))
    queue.bury(lease, TimeoutError(), in_doubt=True)
    admin.retry(lease.operation.id)
    assert not_none(queue.claim("h")).operation.in_doubt_since is not None


def test_nothing_is_put_off_for_longer_than_a_year(queue: QueueByHand) -> None:
    with pytest.raises(ValueError, match="at most 366 days, not 400"):
        put(queue, "far", delay=400 * 86_400)


def test_a_claim_does_not_look_through_what_waits(
    database: Database, settings: QueueSettings, clock: ManualClock
) -> None:
    """Keeps out: 11 ms for each claim with 100,000 operations that wait for later."""
    queue = QueueByHand(database, settings, clock)
    put(queue, "later", delay=60)
    asked = []
    engine = database.engine
    event.listen(engine, "before_cursor_execute", note := lambda *seen: asked.append(seen[2:4]))
    queue.claim("h")
    event.remove(engine, "before_cursor_execute", note)
    looks = [each for each in asked if each[0].startswith("SELECT") and "run_at" in each[0]]
    assert len(looks) == 2
    with engine.connect() as connection:
        if database.dialect == "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")  # so few rows need no index
        for statement, values in looks:
            how = "EXPLAIN QUERY PLAN " if database.dialect == "sqlite" else "EXPLAIN "
            plan = str(connection.exec_driver_sql(how + statement, values).all())
            assert "ix_deferred_operations_later" in plan, plan
            assert re.search(r"run_at ?[<>]", plan.split("Filter")[0]), plan
