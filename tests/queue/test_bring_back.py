"""Row by row, what becomes of operations of a time to come."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from medianest.queue.set_back import SetBack
from medianest.resilience import ManualClock
from tests.queue.by_hand import QueueByHand
from tests.storage.conftest import ServedDatabase
from tests.support.narrowing import not_none

THREE_HOURS = 3 * 3600


def keep(queue: QueueByHand, key: str = "a", handler: str = "h", **options: Any) -> Any:
    return queue.enqueue(handler, {"n": 1}, key, **options)


def test_one_that_was_never_sent_is_due_after_its_wait_and_not_taken_for_sent(
    queue: QueueByHand, clock: ManualClock
) -> None:
    one = keep(queue, delay=20).operation
    clock.set_by(-THREE_HOURS)
    assert queue.bring_back("h") == 0
    clock.advance(19)
    assert queue.bring_back("h") == 0
    clock.advance(1)
    assert queue.bring_back("h") == 1
    seen, now = not_none(queue.get(one.id)), clock.utc()
    assert (seen.run_at, seen.updated_at, seen.since) == (now, now, now)
    assert (seen.first_sent_at, seen.in_doubt_since, seen.absent_since) == (None, None, None)
    assert queue.bring_back("h") == 0
    assert not_none(queue.claim("h")).operation.id == one.id


def test_those_alone_are_brought_back_that_have_waited(
    queue: QueueByHand, clock: ManualClock
) -> None:
    soon, late = (keep(queue, str(delay), delay=delay).operation for delay in (20, 500))
    keep(queue, "other", "other", delay=20)
    clock.set_by(-THREE_HOURS)
    queue.bring_back("h")
    clock.advance(20)
    assert queue.bring_back("h") == 1
    assert not_none(queue.claim("h")).operation.id == soon.id
    assert queue.claim("h") is None
    assert not_none(queue.get(late.id)).updated_at > clock.utc()
    assert queue.bring_back("other") == 0  # looked at for the first time


def test_one_that_was_written_since_is_mended_at_once_and_keeps_its_wait(
    queue: QueueByHand, clock: ManualClock
) -> None:
    lease = keep(queue, leased=True).lease
    clock.set_by(-THREE_HOURS)
    assert queue.reschedule(lease, 500, ValueError("wrong"))
    assert queue.bring_back("h") == 1
    seen, now = not_none(queue.get(not_none(lease).operation.id)), clock.utc()
    assert (seen.since, seen.run_at) == (now, now + timedelta(seconds=500))


def test_one_that_was_under_way_may_have_been_sent_long_ago(
    queue: QueueByHand, clock: ManualClock
) -> None:
    one = keep(queue, leased=True).operation
    clock.set_by(-THREE_HOURS)
    queue.bring_back("h")
    clock.advance(60)
    assert queue.bring_back("h") == 1
    assert not_none(queue.get(one.id)).first_sent_at == clock.utc() - timedelta(days=1)


def test_clocks_may_differ_by_a_minute(queue: QueueByHand, clock: ManualClock) -> None:
    """Nothing of such a row is of a time to come; a second more, and it waits no longer than it
    was to: not at all."""
    one = keep(queue).operation
    clock.set_by(-60)
    assert queue.bring_back("h") == 0
    assert not_none(queue.get(one.id)).since > clock.utc()
    clock.set_by(-1)
    assert queue.bring_back("h") == 1
    assert not_none(queue.get(one.id)).since == clock.utc()


def test_each_handler_waits_for_its_own(queue: QueueByHand, clock: ManualClock) -> None:
    for handler in ("h", "other"):
        keep(queue, handler=handler, delay=20)
    clock.set_by(-THREE_HOURS)
    assert queue.bring_back("h") == queue.bring_back("other") == 0
    clock.advance(20)
    assert queue.bring_back("other") == 1
    assert queue.bring_back("h") == 1


# -- what becomes of them between being seen and being brought back --------------------------------


@pytest.fixture
def meanwhile(
    database: ServedDatabase, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], object]], None]:
    """`meanwhile(change)`: it is made once, after what waits has been read the next time."""
    read = database.read

    def arrange(change: Callable[[], object]) -> None:
        changes = iter([change])

        def read_and_change(*asked: Any) -> Any:
            found = read(*asked)
            for each in changes:
                each()
            return found

        monkeypatch.setattr(database, "read", read_and_change)

    return arrange


def test_one_that_is_done_meanwhile_stays_done(
    queue: QueueByHand, clock: ManualClock, meanwhile: Callable[..., None]
) -> None:
    lease = keep(queue, leased=True).lease
    clock.set_by(-THREE_HOURS)
    queue.bring_back("h")
    clock.advance(60)
    meanwhile(lambda: queue.finish(lease, "made"))
    assert queue.bring_back("h") == 0
    assert not_none(queue.get(not_none(lease).operation.id)).state == "done"


def test_one_that_another_process_brings_back_meanwhile_is_brought_back_once(
    queue: QueueByHand,
    database: ServedDatabase,
    clock: ManualClock,
    meanwhile: Callable[..., None],
) -> None:
    other, found = SetBack(database, clock), []
    keep(queue, delay=20)
    clock.set_by(-THREE_HOURS)
    assert other.bring_back("h") == queue.bring_back("h") == 0
    clock.advance(20)
    meanwhile(lambda: found.append(other.bring_back("h")))
    found.append(queue.bring_back("h"))
    assert found == [1, 0]
