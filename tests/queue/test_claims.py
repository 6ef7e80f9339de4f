"""Claims: each operation is leased to one, the oldest first, and one at a time for a subject."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import event

from medianest.config import QueueSettings
from medianest.resilience import ManualClock
from medianest.storage.database import Database
from tests.queue.by_hand import QueueByHand
from tests.queue.putting import PAYLOAD, put
from tests.support.narrowing import not_none


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


def test_what_is_due_and_not_taken_yet_waits_as_before(
    queue: QueueByHand, clock: ManualClock
) -> None:
    """One that was put off, and one whose lease is over."""
    first, second = (put(queue, key, delay=20).operation.id for key in "ab")
    held = put(queue, "c", leased=True).operation.id
    clock.advance(60)
    assert not_none(queue.claim("h")).operation.id == first
    for one in (second, held):
        seen = not_none(queue.get(one))
        assert (seen.state, seen.damage) == ("pending", None)


def test_what_is_put_off_for_a_whole_year_is_not_taken_for_damaged(
    queue: QueueByHand,
) -> None:
    put(queue, delay=366 * 86_400)
    assert queue.claim("h") is None


def test_handlers_do_not_take_what_is_for_another_nor_wait_for_its_subjects(
    queue: QueueByHand,
) -> None:
    put(queue, "a", subject="movie:1", leased=True)
    put(queue, "b")
    other = queue.enqueue("other", PAYLOAD, "c", subject="movie:1").operation.id
    assert not_none(queue.claim("other")).operation.id == other
    assert queue.claim("other") is None


def test_a_lane_that_is_held_keeps_nothing_else_from_being_taken(queue: QueueByHand) -> None:
    for lane in ("kim", "lou", None):
        put(queue, str(lane), lane=lane)
    taken = queue.claim_many("h", 9, held_lanes=["kim"])
    assert [lease.operation.lane for lease in taken] == ["lou", None]
