"""The durable queue, on SQLite and on PostgreSQL: accepted once, leased to one, never lost."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from medianest.config import QueueSettings
from medianest.queue.admin import QueueAdmin
from medianest.queue.errors import IdempotencyError, PayloadError, QueueFullError
from medianest.queue.operations import Accepted
from medianest.resilience import ManualClock
from medianest.storage.database import Database
from medianest.storage.selection import Cursor, CursorError
from tests.queue.by_hand import QueueByHand
from tests.queue.putting import PAYLOAD, put
from tests.support.narrowing import not_none

EAST = timezone(timedelta(hours=14))


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


def test_who_was_told_of_it_by_its_key_finds_it_as_well(queue: QueueByHand) -> None:
    made = put(queue, client_key="k", fingerprint="f", leased=True)
    put(queue, client_key="k", fingerprint="f")
    assert not queue.forget(not_none(made.lease))
    assert not_none(queue.get(made.operation.id)).state == "running"


def test_nothing_is_put_off_for_longer_than_a_year(queue: QueueByHand) -> None:
    with pytest.raises(ValueError, match="at most 366 days, not 400"):
        put(queue, "far", delay=400 * 86_400)
